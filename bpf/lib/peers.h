/* SPDX-License-Identifier: GPL-2.0 */
/* What is remembered of each sender. */
#ifndef CSUMBPF_LIB_PEERS_H
#define CSUMBPF_LIB_PEERS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "checksum.h"
#include "events.h"
#include "maps.h"
#include "parse.h"

/* The sender's entry, made where it is new; NULL where there was no memory for it. */
static __always_inline struct csumbpf_peer *peer_of(const struct vxlan_packet *packet)
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
	}
	return peer;
}

/* Whether a checksum is to be computed that the mode does not ask for: see CSUMBPF_LOOK_NS. */
static __always_inline int peer_look_is_due(const struct csumbpf_peer *peer, __u64 now)
{
	return !peer->looked_ns || now - peer->looked_ns >= CSUMBPF_LOOK_NS;
}

/*
 * Learns from a sum. A changed delta counts only when the next look confirms it, since a packet that is damaged on its
 * sender has some delta too.
 */
static __always_inline void peer_learn(struct csumbpf_peer *peer, const struct vxlan_packet *packet, __be32 spi,
				       __sum16 sum, __u64 now)
{
	__sum16 before = peer->delta;

	peer->looked_ns = now;
	if (sum != CHECKSUM_INTACT && !peer->bad++)
		event_tell(CSUMBPF_EVENT_BAD_CHECKSUM, packet, spi, before, sum);

	if (!before || sum == before) {
		peer->delta = sum;
		peer->candidate = 0;
	} else if (sum != peer->candidate) {
		peer->candidate = sum;
	} else {
		peer->delta = sum;
		peer->candidate = 0;
		event_tell(CSUMBPF_EVENT_MAPPING_CHANGED, packet, spi, before, sum);
	}
}

static __always_inline void peer_count(struct __sk_buff *skb, struct csumbpf_peer *peer, __be32 spi, __u64 now)
{
	peer->packets++;
	peer->bytes += skb->len;
	peer->last_seen_ns = now;
	peer->spi = spi;
}

#endif
