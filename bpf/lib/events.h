/* SPDX-License-Identifier: GPL-2.0 */
/* What user space is told of, beside the counts: seldom, whatever comes in. */
#ifndef CSUMBPF_LIB_EVENTS_H
#define CSUMBPF_LIB_EVENTS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "maps.h"
#include "parse.h"

/*
 * Shared by all CPUs without a lock: two that meet here let through one event more or fewer. In a flood it is only read, so
 * it stays in every CPU's cache.
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

struct told_key {
	__u32 type;
	struct csumbpf_peer_key peer;
};

struct told {
	__u64 time_ns;
	__u64 delta;
};

/* What was told already, so that not every CPU tells it, and a flood does not tell the same again and again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct told_key);
	__type(value, struct told);
} told SEC(".maps");

static __always_inline void event_lost(__u32 type)
{
	__u64 *lost = bpf_map_lookup_elem(&events_lost, &type);

	if (lost)
		(*lost)++;
}

static __always_inline int event_within_limit(__u32 type)
{
	struct event_limit *limit = bpf_map_lookup_elem(&event_limits, &type);
	__u64 now;

	if (!limit)
		return 0;
	now = bpf_jiffies64();
	if (now - limit->window >= CSUMBPF_EVENT_WINDOW_JIFFIES) {
		limit->window = now;
		limit->left = CSUMBPF_EVENTS_IN_WINDOW;
	}
	if (limit->left <= 0)
		return 0;
	limit->left--;
	return 1;
}

/* Plaintext goes on and on, so it is told again after a while; of the rest only what is new. */
static __always_inline int event_is_news(const struct told *before, __u32 type, __u64 now, __sum16 delta)
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

/* The limit comes first: what it holds back costs a few loads and a count. */
static __always_inline void event_tell(__u32 type, const struct vxlan_packet *packet, __be32 spi, __sum16 delta_before,
				       __sum16 delta)
{
	struct told_key key = { .type = type };
	struct told now = { .delta = delta };
	struct csumbpf_event *event;

	if (!event_within_limit(type)) {
		event_lost(type);
		return;
	}
	__builtin_memcpy(&key.peer, packet, sizeof(key.peer));
	now.time_ns = bpf_ktime_get_ns();
	if (!event_is_news(bpf_map_lookup_elem(&told, &key), type, now.time_ns, delta))
		return;

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
	bpf_map_update_elem(&told, &key, &now, BPF_ANY);
}

#endif
