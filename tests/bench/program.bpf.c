// SPDX-License-Identifier: GPL-2.0
/*
 * The program as it is measured: BPF_PROG_TEST_RUN hands it one packet again and again, which must not be another one after
 * the first time. So what is written are the bytes that are there, by the same calls. Options:
 *
 *   -DWITHOUT_EVENTS     reports nothing to user space
 *   -DWITHOUT_RULES      has one rule, which needs no look-up
 *   -DWITHOUT_PEERS      remembers no sender
 *   -DWITHOUT_COUNTERS   does not count by rule and outcome
 *   -DWITHOUT_STORE      does not write the checksum
 *   -DPEERS=N            the packet comes from one of N peers, a power of two, at random
 *   -DCSUM=LENGTH        instead: nothing but the kernel's checksum over so many bytes, in one call (more than 512 need a new kernel)
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef CSUM

#ifdef WITHOUT_STORE
#define bpf_skb_store_bytes(skb, offset, from, length, flags) ((void)(skb), (void)(offset), (void)(from), 0)
#else
#define bpf_skb_store_bytes(skb, offset, from, length, flags)                                                          \
	(bpf_skb_store_bytes)(skb, offset, &packet->checksum, length, flags)
#endif
#define bpf_l4_csum_replace(skb, offset, from, to, flags) (bpf_l4_csum_replace)(skb, offset, from, (to)&0, flags)

#include "lib/parse.h"
#ifdef PEERS
#define parse_vxlan(skb, port, packet)                                                                                 \
	({                                                                                                             \
		enum parse_result parsed = (parse_vxlan)(skb, port, packet);                                           \
		(packet)->saddr[0] = bpf_get_prandom_u32() & ((PEERS)-1);                                              \
		parsed;                                                                                                \
	})
#endif
#include "lib/events.h"
#ifdef WITHOUT_EVENTS
#define event_report(type, packet, spi, ...) ((void)(packet), (void)(spi))
#endif
#include "lib/peers.h"
#ifdef WITHOUT_PEERS
#define peer_of(packet, now) ((void)(now), (struct csumbpf_peer *)NULL)
#endif
#include "lib/rules.h"
#ifdef WITHOUT_RULES
#define rule_of(vni)                                                                                                   \
	((union found_rule){ .rule = { .mode = CSUMBPF_MODE_ZERO,                                                      \
				       .flags = CSUMBPF_RULE_VALID | CSUMBPF_RULE_UNVERIFIED } }                       \
		 .whole)
#endif
#ifdef WITHOUT_COUNTERS
#define rule_count(skb, vni, slot, outcome) ((void)(slot), (void)(outcome))
#endif
#include "csumbpf.bpf.c"

#else

SEC("tc")
int csumbpf(struct __sk_buff *skb)
{
	if ((void *)(long)skb->data + CSUM > (void *)(long)skb->data_end)
		return -1;
	return bpf_csum_diff(NULL, 0, (void *)(long)skb->data, CSUM & ~3, 0) < 0 ? -1 : 0;
}

char LICENSE[] SEC("license") = "GPL";

#endif
