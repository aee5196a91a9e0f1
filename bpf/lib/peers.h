/* SPDX-License-Identifier: GPL-2.0 */
/* Remembers each sender: counts, its SPI, and what NAT does to its checksums. */
#ifndef CSUMBPF_LIB_PEERS_H
#define CSUMBPF_LIB_PEERS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "checksum.h"
#include "events.h"
#include "maps.h"
#include "parse.h"

/* Returns the sender's entry, a new one for a new sender. NULL if there is no memory for it. */
static __always_inline struct csumbpf_peer *peer_of(const struct vxlan_packet *packet, __u32 now)
{
	struct csumbpf_peer *peer = bpf_map_lookup_elem(&peers, packet);

	if (!peer) {
		/* As if it was last seen and sampled long ago. */
		struct csumbpf_peer fresh = {
			.last_seen_jiffies = now - 1,
			.checked_jiffies = now - CSUMBPF_CHECK_JIFFIES,
		};

		/* If another CPU was first (EEXIST), the look-up finds its entry. */
		bpf_map_update_elem(&peers, packet, &fresh, BPF_NOEXIST);
		peer = bpf_map_lookup_elem(&peers, packet);
	}
	return peer;
}

static __always_inline struct csumbpf_nat peer_nat(const struct csumbpf_peer *peer)
{
	union {
		struct csumbpf_nat nat;
		__u64 whole;
	} read = { .whole = *(const volatile __u64 *)&peer->nat };

	return read.nat;
}

static __always_inline void peer_set_nat(struct csumbpf_peer *peer, struct csumbpf_nat nat)
{
	union {
		struct csumbpf_nat nat;
		__u64 whole;
	} written = { .nat = nat };

	*(volatile __u64 *)&peer->nat = written.whole;
}

/* Counts the packet. Returns 1 if another SA than before decrypted it. */
static __always_inline int peer_count(struct __sk_buff *skb, struct csumbpf_peer *peer, __be32 spi, __u32 now)
{
	__sync_fetch_and_add(&peer->packets, 1);
	__sync_fetch_and_add(&peer->bytes, skb->len);
	if (peer->last_seen_jiffies != now) {
		peer->last_seen_jiffies = now;
		peer->last_seen_ns = bpf_ktime_get_ns();
	}
	if (peer->spi == spi)
		return 0;
	peer->spi = spi;
	return 1;
}

/* Whether the periodic checksum sample is due, in modes that do not compute each checksum. */
static __always_inline int peer_check_is_due(const struct csumbpf_peer *peer, __u32 now)
{
	return now - peer->checked_jiffies >= CSUMBPF_CHECK_JIFFIES;
}

/* The same for mode adjust, which also samples until the delta is trusted. */
static __always_inline int peer_verify_is_due(struct csumbpf_peer *peer, struct csumbpf_nat nat, __u16 verify,
					      __u32 now)
{
	return nat.agreed < CSUMBPF_AGREED || ++peer->unverified >= verify ||
	       now - peer->checked_jiffies >= CSUMBPF_VERIFY_JIFFIES;
}

/* Learns from the result of checksum_sum(). Returns what is known now. */
static __always_inline struct csumbpf_nat peer_learn(struct csumbpf_peer *peer, const struct vxlan_packet *packet,
						     __be32 spi, __sum16 sum, __u32 now)
{
	struct csumbpf_nat nat = peer_nat(peer);
	__sum16 before = nat.delta;

	peer->checked_jiffies = now;
	peer->checked_ns = peer->last_seen_ns;
	peer->unverified = 0;
	if (sum != CHECKSUM_INTACT) {
		if (!peer->bad)
			event_report(CSUMBPF_EVENT_BAD_CHECKSUM, packet, spi, before, sum);
		__sync_fetch_and_add(&peer->bad, 1);
	}

	if (!before || sum == before) {
		nat.delta = sum;
		nat.candidate = 0;
		nat.candidate_seen = 0;
		if (nat.agreed < CSUMBPF_AGREED && ++nat.agreed == CSUMBPF_AGREED)
			nat.learned = 1;
	} else {
		nat.candidate_seen = sum == nat.candidate ? nat.candidate_seen + 1 : 1;
		nat.candidate = sum;
		nat.agreed = 0;
		if (nat.candidate_seen == CSUMBPF_CHANGED) {
			nat.delta = sum;
			nat.agreed = CSUMBPF_CHANGED;
			nat.candidate = 0;
			nat.candidate_seen = 0;
			event_report(CSUMBPF_EVENT_MAPPING_CHANGED, packet, spi, before, sum);
		}
	}
	peer_set_nat(peer, nat);
	return nat;
}

#endif
