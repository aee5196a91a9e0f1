/* SPDX-License-Identifier: GPL-2.0 */
/* Reports to user space what counters cannot say. The rate is limited, whatever comes in. */
#ifndef CSUMBPF_LIB_EVENTS_H
#define CSUMBPF_LIB_EVENTS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "maps.h"
#include "parse.h"

/*
 * Shared by all CPUs without a lock: a race lets through one event more or fewer. In a flood it is only read, so it
 * stays in every CPU's cache.
 */
struct event_limit {
	__u64 window; /* jiffies at its start */
	__s64 left;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CSUMBPF_EVENT_TYPE_COUNT_);
	__type(key, __u32);
	__type(value, struct event_limit);
} event_limits SEC(".maps");

/* `words` is for comparing, so every byte must have a name. */
union reported_key {
	struct {
		__u32 type;
		struct csumbpf_peer_key peer;
	};
	__u64 words[5];
};
_Static_assert(sizeof(union reported_key) == 40, "union reported_key has bytes without a name");

struct reported {
	__u64 time_ns;
	__u64 delta;
};

/* What was reported already, by any CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, union reported_key);
	__type(value, struct reported);
} reported SEC(".maps");

/*
 * A cache of `reported`: what was reported, or held back and counted, a moment ago. A flood of the same event ends
 * here. Per CPU, so that CPUs share no cache line.
 */
#define EVENT_RECENT 64
struct recent {
	union reported_key key;
	__u64 delta;
	__u64 until; /* jiffies */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_RECENT);
	__type(key, __u32);
	__type(value, struct recent);
} recent SEC(".maps");

static __always_inline struct recent *recent_slot(const union reported_key *key)
{
	__u32 slot = (key->peer.saddr[15] + 7 * key->peer.saddr[14] + 13 * key->peer.vni + 31 * key->type) % EVENT_RECENT;

	return bpf_map_lookup_elem(&recent, &slot);
}

static __always_inline int recent_holds(const struct recent *slot, const union reported_key *key, __sum16 delta,
					__u64 now)
{
	const __u64 *a = slot->key.words;
	const __u64 *b = key->words;

	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4])) && slot->delta == delta &&
	       (__s64)(slot->until - now) > 0;
}

static __always_inline void recent_set(struct recent *slot, const union reported_key *key, __sum16 delta, __u64 until)
{
	slot->key = *key;
	slot->delta = delta;
	slot->until = until;
}

static __always_inline void event_lost(__u32 type)
{
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &type);

	if (lost)
		(*lost)++;
}

static __always_inline int event_within_limit(struct event_limit *limit, __u64 now)
{
	if (now - limit->window >= CSUMBPF_EVENT_WINDOW_JIFFIES) {
		limit->window = now;
		limit->left = CSUMBPF_EVENTS_IN_WINDOW;
	}
	if (limit->left <= 0)
		return 0;
	limit->left--;
	return 1;
}

/* Plaintext is reported again after a while, because it goes on; other events only if they are new. */
static __always_inline int event_is_new(const struct reported *before, __u32 type, __u64 now, __sum16 delta)
{
	if (!before)
		return 1;
	switch (type) {
	case CSUMBPF_EVENT_PLAINTEXT:
		return now - before->time_ns >= CSUMBPF_EVENT_AGAIN_NS;
	case CSUMBPF_EVENT_MAPPING_CHANGED:
		return before->delta != delta;
	default:
		return 0;
	}
}

/*
 * Only new events count against the limit, and as lost: a peer that repeats itself must not hold back the events of
 * others. What was held back is new again in the next window.
 */
static __always_inline void event_report(__u32 type, const struct vxlan_packet *packet, __be32 spi,
					 __sum16 delta_before, __sum16 delta)
{
	union reported_key key = { .type = type };
	struct reported now = { .delta = delta };
	struct csumbpf_event *event;
	struct event_limit *limit;
	struct recent *slot;
	__u64 jiffies;

	__builtin_memcpy(&key.peer, packet, sizeof(key.peer));
	jiffies = bpf_jiffies64();
	slot = recent_slot(&key);
	if (!slot || recent_holds(slot, &key, delta, jiffies))
		return;

	now.time_ns = bpf_ktime_get_ns();
	if (!event_is_new(bpf_map_lookup_elem(&reported, &key), type, now.time_ns, delta)) {
		recent_set(slot, &key, delta, jiffies + CSUMBPF_EVENT_WINDOW_JIFFIES);
		return;
	}

	limit = bpf_map_lookup_elem(&event_limits, &type);
	if (!limit)
		return;
	if (!event_within_limit(limit, jiffies)) {
		recent_set(slot, &key, delta, limit->window + CSUMBPF_EVENT_WINDOW_JIFFIES);
		event_lost(type);
		return;
	}
	recent_set(slot, &key, delta, jiffies + CSUMBPF_EVENT_WINDOW_JIFFIES);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		event_lost(type);
		return;
	}
	event->time_ns = now.time_ns;
	event->peer = key.peer;
	event->spi = spi;
	event->type = type;
	event->delta_before = delta_before;
	event->delta = delta;
	event->reserved = 0;
	bpf_ringbuf_submit(event, 0);
	bpf_map_update_elem(&reported, &key, &now, BPF_ANY);
}

#endif
