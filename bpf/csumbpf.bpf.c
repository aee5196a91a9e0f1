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
#include "lib/maps.h"
#include "lib/parse.h"

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

static __always_inline void count_peer(struct __sk_buff *skb, const struct vxlan_packet *packet, __be32 spi, __u32 bad)
{
	struct csumbpf_peer_key key = { .vni = packet->vni };
	struct csumbpf_peer *peer;

	__builtin_memcpy(key.saddr, packet->saddr, sizeof(key.saddr));
	peer = bpf_map_lookup_elem(&peers, &key);
	if (!peer) {
		/* Zeroes on the other CPUs too. Another CPU may have been first (EEXIST): the look-up finds its entry. */
		struct csumbpf_peer fresh = {};

		bpf_map_update_elem(&peers, &key, &fresh, BPF_NOEXIST);
		peer = bpf_map_lookup_elem(&peers, &key);
		if (!peer)
			return;
	}
	peer->packets++;
	peer->bytes += skb->len;
	peer->bad += bad;
	peer->last_seen_ns = bpf_ktime_get_ns();
	peer->spi = spi;
}

static __always_inline enum csumbpf_outcome zero(struct __sk_buff *skb, const struct vxlan_packet *packet)
{
	return checksum_store(skb, packet, 0) ? CSUMBPF_FAILED : CSUMBPF_REPAIRED;
}

static __always_inline enum csumbpf_outcome judge(struct __sk_buff *skb, const struct vxlan_packet *packet, __u8 mode)
{
	long sum;

	if (packet->udp_length > CSUMBPF_CSUM_MAX)
		return CSUMBPF_OVERSIZE;
	sum = checksum_sum(skb, packet);
	if (sum < 0)
		return CSUMBPF_FAILED;
	if (sum == 0xffff)
		return CSUMBPF_GOOD;
	if (mode == CSUMBPF_MODE_OBSERVE)
		return CSUMBPF_BAD;
	return checksum_store(skb, packet, checksum_right(packet, sum)) ? CSUMBPF_FAILED : CSUMBPF_REPAIRED;
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
	__u32 first = 0, counted_as, bad = 0;
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
		goto counted;
	}

	if (!packet.checksum) {
		outcome = CSUMBPF_ZERO;
	} else if (skb->gso_size) {
		outcome = CSUMBPF_GSO;
	} else if (mode == CSUMBPF_MODE_ZERO || (mode == CSUMBPF_MODE_AUTO && !packet.family_is_ipv6)) {
		outcome = zero(skb, &packet);
	} else {
		outcome = judge(skb, &packet, mode);
		bad = outcome == CSUMBPF_REPAIRED || outcome == CSUMBPF_BAD;
	}
	count_peer(skb, &packet, state.spi, bad);

	/*
	 * A checksum other than 0 that belongs there, or is only observed: not one for the backstop. It keeps off rules
	 * without proof, and would leave this on their packets.
	 */
	if (settings->flags & CSUMBPF_CONFIG_BACKSTOP && !(flags & CSUMBPF_RULE_UNVERIFIED) && !skb->priority &&
	    (bad || outcome == CSUMBPF_GOOD || outcome == CSUMBPF_GSO))
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
	outcome = packet.checksum ? judge(skb, &packet, CSUMBPF_MODE_RECOMPUTE) : CSUMBPF_ZERO;
	count_peer(skb, &packet, state.spi, outcome == CSUMBPF_REPAIRED);

	counter = bpf_map_lookup_elem(&backstop, &packet.vni);
	if (!counter)
		counter = bpf_map_lookup_elem(&backstop, &any);
	if (counter)
		count(&counter->outcome[outcome], skb);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
