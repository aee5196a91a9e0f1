// SPDX-License-Identifier: GPL-2.0
/*
 * tc ingress: repairs the outer UDP checksum of VXLAN packets that IPsec (ESP, transport mode) has decrypted, where a
 * NAT on the way rewrote the addresses that the checksum covers.
 *
 *     parse -> rule for the VNI -> proof that ESP decrypted it -> repair -> count
 *
 * Every verdict but an asked-for drop is TC_ACT_UNSPEC (the same number as TCX_NEXT): other programs on the hook run.
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

static __always_inline void count(struct csumbpf_count *counter, struct __sk_buff *skb)
{
	counter->packets++;
	counter->bytes += skb->len;
}

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

/* `sum`: of checksum_sum() */
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

/* Does what the mode says with a packet that proved where it comes from. */
static __always_inline enum csumbpf_outcome repair(struct __sk_buff *skb, const struct vxlan_packet *packet, __u8 mode,
						   __be32 spi)
{
	struct csumbpf_peer *peer = peer_of(packet);
	__u64 now = bpf_ktime_get_ns();
	long sum = -1;
	int zero;

	if (peer)
		peer_count(skb, peer, spi, now);
	if (!packet->checksum)
		return CSUMBPF_ZERO;
	if (skb->gso_size)
		return CSUMBPF_GSO;

	zero = writes_zero(packet, mode);
	if (!zero || (peer && peer_look_is_due(peer, now)))
		sum = checksum_sum(skb, packet);
	if (peer && sum >= 0)
		peer_learn(peer, packet, spi, sum, now);
	return zero ? store(skb, packet, 0) : judge(skb, packet, mode, sum);
}

SEC("tc")
int csumbpf(struct __sk_buff *skb)
{
	struct vxlan_packet packet = {};
	struct bpf_xfrm_state state = {};
	struct csumbpf_counters *counter;
	struct csumbpf_config *settings;
	enum csumbpf_outcome outcome;
	struct csumbpf_rule *rule;
	__u32 first = 0, counted_as;
	__u8 mode, flags;

	settings = bpf_map_lookup_elem(&config, &first);
	if (!settings)
		return TC_ACT_UNSPEC;

	switch (parse_vxlan(skb, &settings->vxlan_port, &packet)) {
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

	counted_as = packet.vni;
	rule = bpf_map_lookup_elem(&rules, &packet.vni);
	if (!rule) {
		rule = &settings->any;
		counted_as = CSUMBPF_VNI_ANY;
	}
	mode = rule->mode;
	flags = rule->flags;
	if (!(flags & CSUMBPF_RULE_VALID)) {
		count_total(skb, CSUMBPF_TOTAL_NO_RULE);
		return TC_ACT_UNSPEC;
	}

	if (!(flags & CSUMBPF_RULE_UNVERIFIED) && bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0)) {
		outcome = flags & CSUMBPF_RULE_DROP_PLAINTEXT ? CSUMBPF_DROPPED : CSUMBPF_PLAINTEXT;
		event_tell(CSUMBPF_EVENT_PLAINTEXT, &packet, 0, 0, 0);
		goto counted;
	}

	outcome = repair(skb, &packet, mode, state.spi);

	/*
	 * A checksum other than 0 that belongs there, or is only observed: not one for the backstop. It keeps off rules
	 * without proof, and would leave this on their packets.
	 */
	if (settings->flags & CSUMBPF_CONFIG_BACKSTOP && !(flags & CSUMBPF_RULE_UNVERIFIED) && !skb->priority &&
	    (outcome == CSUMBPF_GOOD || outcome == CSUMBPF_BAD || outcome == CSUMBPF_GSO ||
	     (outcome == CSUMBPF_REPAIRED && !writes_zero(&packet, mode))))
		skb->priority = CSUMBPF_PRIORITY_DONE;

counted:
	counter = bpf_map_lookup_elem(&counters, &counted_as);
	if (counter)
		count(&counter->outcome[outcome], skb);
	return outcome == CSUMBPF_DROPPED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/*
 * tc ingress of the loopback device: recomputes what nftables found behind tc and could not repair itself, since it can
 * only write 0, which IPv6 does not accept. The rule for the VNI has been looked up there. The packet comes with its IPsec
 * state, since the loopback device, unlike a veth, leaves that on it.
 */
SEC("tc")
int csumbpf_detour(struct __sk_buff *skb)
{
	struct vxlan_packet packet = {};
	struct bpf_xfrm_state state = {};
	struct csumbpf_counters *counter;
	struct csumbpf_attachment *own;
	enum csumbpf_outcome outcome;
	__u32 first = 0, any = CSUMBPF_VNI_ANY;

	if ((skb->priority & ~CSUMBPF_PRIORITY_MINOR) != CSUMBPF_PRIORITY_DETOUR)
		return TC_ACT_UNSPEC;
	own = bpf_map_lookup_elem(&attachment, &first);
	if (!own || (skb->priority ^ own->ifindex) & CSUMBPF_PRIORITY_MINOR)
		return TC_ACT_UNSPEC; /* another attachment's */
	skb->priority = 0;

	if (parse_vxlan(skb, NULL, &packet) != PARSE_VXLAN || bpf_skb_get_xfrm_state(skb, 0, &state, sizeof(state), 0))
		return TC_ACT_UNSPEC; /* not from nftables */
	outcome = repair(skb, &packet, CSUMBPF_MODE_RECOMPUTE, state.spi);

	counter = bpf_map_lookup_elem(&backstop, &packet.vni);
	if (!counter)
		counter = bpf_map_lookup_elem(&backstop, &any);
	if (counter)
		count(&counter->outcome[outcome], skb);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
