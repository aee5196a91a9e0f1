/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the rule for a VNI, and the counters of that rule. */
#ifndef CSUMBPF_LIB_RULES_H
#define CSUMBPF_LIB_RULES_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "maps.h"

/* Packed into a __u64, because a global function must return a scalar: rule_of(). */
union found_rule {
	struct {
		struct csumbpf_rule rule; /* a copy, because user space may change it meanwhile */
		__u32 slot;               /* in map `first_counters`; CSUMBPF_IN_HASH: in `counters` */
	};
	__u64 whole;
};
#define CSUMBPF_IN_HASH (CSUMBPF_SLOT_ANY + 1)

/*
 * Returns the VNI's own rule, else the one for any VNI. If CSUMBPF_RULE_VALID is not set, there is none.
 *
 * A global function: the verifier checks it once, and takes the result for any number. Inlined, the verifier would go
 * through all code after it once for each slot, and attach would take half a second longer.
 */
__noinline __u64 rule_of(__u32 vni)
{
	union found_rule found = { .slot = CSUMBPF_SLOT_ANY };
	const struct csumbpf_rule_slots *slots;
	const struct csumbpf_config *settings;
	const struct csumbpf_rule *rule;
	__u32 zero = 0;

	settings = bpf_map_lookup_elem(&config, &zero);
	slots = bpf_map_lookup_elem(&first_rules, &zero);
	if (!settings || !slots)
		return found.whole;

#pragma unroll
	for (__u32 i = 0; i < CSUMBPF_RULE_SLOTS; i++) {
		if (slots->slot[i].vni == vni && slots->slot[i].rule.flags & CSUMBPF_RULE_VALID) {
			found.rule = slots->slot[i].rule;
			found.slot = i;
			return found.whole;
		}
	}
	rule = slots->more ? bpf_map_lookup_elem(&rules, &vni) : NULL;
	if (rule)
		found.slot = CSUMBPF_IN_HASH;
	found.rule = rule ? *rule : settings->any;
	return found.whole;
}

static __always_inline void rule_count(struct __sk_buff *skb, __u32 vni, __u32 slot, enum csumbpf_outcome outcome)
{
	struct csumbpf_counters *counter = slot == CSUMBPF_IN_HASH ? bpf_map_lookup_elem(&counters, &vni)
								   : bpf_map_lookup_elem(&first_counters, &slot);

	if (counter)
		count(&counter->outcome[outcome], skb);
}

#endif
