// SPDX-License-Identifier: GPL-2.0
/*
 * Runs on tc ingress. Repairs the outer UDP checksum of VXLAN packets that IPsec (ESP, transport mode) decrypted and
 * whose addresses a NAT rewrote before that.
 *
 *     parse -> rule for the VNI -> proof that ESP decrypted it -> repair -> count
 *
 * Every verdict is TC_ACT_UNSPEC (the same number as TCX_NEXT), so other programs on the hook run too; except a drop
 * that the rule asks for.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "csumbpf.h"
#include "lib/checksum.h"
#include "lib/events.h"
#include "lib/maps.h"
#include "lib/parse.h"
#include "lib/peers.h"
#include "lib/rules.h"

static __always_inline void count_total(struct __sk_buff *skb, __u32 total)
{
	struct csumbpf_count *counter = bpf_map_lookup_elem(&totals, &total);

	if (counter)
		count(counter, skb);
}

static __always_inline int writes_zero(const struct vxlan_packet *packet, __u8 mode)
{
	return mode == CSUMBPF_MODE_ZERO || (mode == CSUMBPF_MODE_AUTO && !packet->family_is_ipv6);
}

static __always_inline enum csumbpf_outcome store(struct __sk_buff *skb, const struct vxlan_packet *packet,
						  __sum16 checksum)
{
	return checksum_store(skb, packet, checksum) ? CSUMBPF_FAILED : CSUMBPF_REPAIRED;
}

/* `sum` is the result of checksum_sum(). */
static __always_inline enum csumbpf_outcome judge(struct __sk_buff *skb, const struct vxlan_packet *packet, __u8 mode,
						  long sum)
{
	if (sum < 0)
		return sum == CHECKSUM_TOO_LONG ? CSUMBPF_OVERSIZE : CSUMBPF_FAILED;
	if (sum == CHECKSUM_INTACT)
		return CSUMBPF_GOOD;
	if (mode == CSUMBPF_MODE_OBSERVE)
		return CSUMBPF_BAD;
	return store(skb, packet, checksum_right(packet, sum));
}

static __always_inline enum csumbpf_outcome adjust(struct __sk_buff *skb, const struct vxlan_packet *packet,
						   __sum16 delta)
{
	if (delta == CHECKSUM_INTACT)
		return CSUMBPF_GOOD;
	return checksum_adjust(skb, packet, delta) ? CSUMBPF_FAILED : CSUMBPF_REPAIRED;
}

/* Applies the rule's mode to a packet that IPsec decrypted, or that needs no proof. */
static __always_inline enum csumbpf_outcome repair(struct __sk_buff *skb, const struct vxlan_packet *packet,
						   struct csumbpf_rule rule, __be32 spi)
{
	__u32 now = bpf_jiffies64();
	struct csumbpf_peer *peer = peer_of(packet, now);
	struct csumbpf_nat nat = {};
	int check, zero;
	long sum = -1;

	check = peer && peer_count(skb, peer, spi, now);
	if (!packet->checksum)
		return CSUMBPF_ZERO;
	if (skb->gso_size)
		return CSUMBPF_GSO;

	zero = writes_zero(packet, rule.mode);
	if (peer && rule.mode == CSUMBPF_MODE_ADJUST) {
		nat = peer_nat(peer);
		check |= peer_verify_is_due(peer, nat, rule.verify, now);
		if (!check)
			return adjust(skb, packet, nat.delta);
	} else if (peer && zero) {
		check |= peer_check_is_due(peer, now);
	} else {
		check = !zero;
	}

	if (check)
		sum = checksum_sum(skb, packet);
	if (peer && sum >= 0)
		nat = peer_learn(peer, packet, spi, sum, now);
	if (zero)
		return store(skb, packet, 0);
	if (rule.mode == CSUMBPF_MODE_ADJUST && nat.learned) {
		if (sum == CHECKSUM_TOO_LONG)
			return adjust(skb, packet, nat.delta);
		if (sum >= 0 && sum != CHECKSUM_INTACT && sum != nat.delta)
			return CSUMBPF_CORRUPT;
	}
	return judge(skb, packet, rule.mode, sum);
}

SEC("tc")
int csumbpf(struct __sk_buff *skb)
{
	struct vxlan_packet packet = {};
	struct bpf_xfrm_state state = {};
	struct csumbpf_config *settings;
	enum csumbpf_outcome outcome;
	union found_rule found;
	struct csumbpf_rule rule;
	__u32 first = 0;

	settings = bpf_map_lookup_elem(&config, &first);
	if (!settings)
		return TC_ACT_UNSPEC;

	switch (parse_vxlan(skb, settings, &packet)) {
	case PARSE_VXLAN:
		break;
	case PARSE_ESP:
		count_total(skb, CSUMBPF_TOTAL_ESP);
		return TC_ACT_UNSPEC;
	case PARSE_MALFORMED:
		count_total(skb, CSUMBPF_TOTAL_MALFORMED);
		return TC_ACT_UNSPEC;
	default:
		return TC_ACT_UNSPEC;
	}

	found.whole = rule_of(packet.vni);
	rule = found.rule;
	if (!(rule.flags & CSUMBPF_RULE_VALID)) {
		count_total(skb, CSUMBPF_TOTAL_NO_RULE);
		return TC_ACT_UNSPEC;
	}

	if (!(rule.flags & CSUMBPF_RULE_UNVERIFIED) && bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0)) {
		outcome = rule.flags & CSUMBPF_RULE_DROP_PLAINTEXT ? CSUMBPF_DROPPED : CSUMBPF_PLAINTEXT;
		event_report(CSUMBPF_EVENT_PLAINTEXT, &packet, 0, 0, 0);
		goto counted;
	}

	outcome = repair(skb, &packet, rule, state.spi);

	/*
	 * Tell the backstop to leave a checksum alone that is right, or only observed. Rules without proof have no
	 * backstop, so nothing would clear the mark on their packets.
	 */
	if (settings->flags & CSUMBPF_CONFIG_BACKSTOP && !(rule.flags & CSUMBPF_RULE_UNVERIFIED) && !skb->priority &&
	    (outcome == CSUMBPF_GOOD || outcome == CSUMBPF_BAD || outcome == CSUMBPF_GSO ||
	     outcome == CSUMBPF_CORRUPT || (outcome == CSUMBPF_REPAIRED && !writes_zero(&packet, rule.mode))))
		skb->priority = CSUMBPF_PRIORITY_HANDLED;

counted:
	rule_count(skb, packet.vni, found.slot, outcome);
	return outcome == CSUMBPF_DROPPED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/*
 * Runs on tc ingress of the loopback device. Recomputes the checksum of IPv6 packets that were decrypted after tc:
 * nftables can only write 0, which IPv6 rejects, so it sends them here. nftables has matched the rule already. Unlike a
 * veth, the loopback device keeps the packet's IPsec state.
 */
SEC("tc")
int csumbpf_detour(struct __sk_buff *skb)
{
	struct vxlan_packet packet = {};
	struct bpf_xfrm_state state = {};
	struct csumbpf_counters *counter;
	struct csumbpf_attachment *own;
	const struct csumbpf_rule rule = { .mode = CSUMBPF_MODE_RECOMPUTE };
	enum csumbpf_outcome outcome;
	__u32 first = 0, any = CSUMBPF_VNI_ANY;

	if ((skb->priority & ~CSUMBPF_PRIORITY_MINOR) != CSUMBPF_PRIORITY_LOOPBACK)
		return TC_ACT_UNSPEC;
	own = bpf_map_lookup_elem(&attachment, &first);
	if (!own || (skb->priority ^ own->ifindex) & CSUMBPF_PRIORITY_MINOR)
		return TC_ACT_UNSPEC; /* of another attachment */
	skb->priority = 0;

	/* On the loopback device there is an Ethernet header, whatever the first device has. */
	if (parse_vxlan(skb, NULL, &packet) != PARSE_VXLAN || bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0))
		return TC_ACT_UNSPEC; /* nftables did not send it */
	outcome = repair(skb, &packet, rule, state.spi);

	counter = bpf_map_lookup_elem(&backstop, &packet.vni);
	if (!counter)
		counter = bpf_map_lookup_elem(&backstop, &any);
	if (counter)
		count(&counter->outcome[outcome], skb);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
