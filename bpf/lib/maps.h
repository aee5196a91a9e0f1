/* SPDX-License-Identifier: GPL-2.0 */
/* The maps, one line of purpose each. Keys and values are in ../csumbpf.h. */
#ifndef CSUMBPF_LIB_MAPS_H
#define CSUMBPF_LIB_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct csumbpf_config);
} config SEC(".maps");

/* The rule slots. The names of this map and of its counters are those of pins, which running hosts have. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct csumbpf_rule_slots);
} first_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CSUMBPF_RULE_SLOTS + 1);
	__type(key, __u32);
	__type(value, struct csumbpf_counters);
} first_counters SEC(".maps");

/* Not preallocated: that would take the memory of 32,768 rules, and few hosts have more than ten. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CSUMBPF_RULES_MAX);
	__type(key, __u32);
	__type(value, struct csumbpf_rule);
} rules SEC(".maps");

/* User space makes the entry together with the rule; the program only looks up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CSUMBPF_RULES_MAX);
	__type(key, __u32);
	__type(value, struct csumbpf_counters);
} counters SEC(".maps");

/* The counters of csumbpf_detour. Only rules that recompute IPv6 count here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CSUMBPF_RULES_MAX + 1);
	__type(key, __u32);
	__type(value, struct csumbpf_counters);
} backstop SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CSUMBPF_TOTAL_COUNT_);
	__type(key, __u32);
	__type(value, struct csumbpf_count);
} totals SEC(".maps");

/*
 * Shared by all CPUs: what one learns, all know, and the size does not grow with their number. Usually the packets of
 * one SA come to one CPU, because cards spread ESP by address or SPI. The kernel evicts entries before all are in
 * use, so there are some more than CSUMBPF_PEERS_MAX.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CSUMBPF_PEERS_MAX + CSUMBPF_PEERS_MAX / 16);
	__type(key, struct csumbpf_peer_key);
	__type(value, struct csumbpf_peer);
} peers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct csumbpf_attachment);
} attachment SEC(".maps");

/* Read by `csumbpf serve`. Without a reader it stays full, and reservations fail, which is cheap. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CSUMBPF_EVENTS_BYTES);
} events SEC(".maps");

/* By enum csumbpf_event_type: new events that were not reported, because of the limit or a full ring buffer. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CSUMBPF_EVENT_TYPE_COUNT_);
	__type(key, __u32);
	__type(value, __u64);
} events_lost SEC(".maps");

static __always_inline void count(struct csumbpf_count *counter, struct __sk_buff *skb)
{
	counter->packets++;
	counter->bytes += skb->len;
}

/*
 * Never loaded: libbpf skips unknown sections. It puts every enum into the BTF that CodecsAgainstBtfTest compares
 * with the Java side.
 */
struct {
	enum csumbpf_mode mode;
	enum csumbpf_rule_flag rule_flag;
	enum csumbpf_config_flag config_flag;
	enum csumbpf_outcome outcome;
	enum csumbpf_total total;
	enum csumbpf_host_change host_change;
	enum csumbpf_hook hook;
	enum csumbpf_backstop backstop;
	enum csumbpf_layout layout;
	enum csumbpf_option_flag option_flag;
	enum csumbpf_priority priority;
	enum csumbpf_event_type event_type;
	struct csumbpf_event event; /* no map has it as its value */
} csumbpf_enums SEC("enums");

#endif
