/* SPDX-License-Identifier: GPL-2.0 */
/* Computes and writes the UDP checksum (RFC 768, RFC 1071, RFC 8200 section 8.1). */
#ifndef CSUMBPF_LIB_CHECKSUM_H
#define CSUMBPF_LIB_CHECKSUM_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"
#include "parse.h"

#define CHECKSUM_INTACT 0xffff /* checksum_sum() over a datagram whose checksum is right */
#define CHECKSUM_TOO_LONG (-2)
#define CHECKSUM_OFFSET __builtin_offsetof(struct udphdr, check)

/* A datagram, followed by up to three zero bytes: bpf_csum_diff() takes multiples of four. */
struct checksum_datagram {
	__u8 bytes[CSUMBPF_CSUM_MAX + 4];
} __attribute__((aligned(4)));

/* Not on the stack, which has 512 bytes. Per CPU is safe: tc programs do not nest on one CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct checksum_datagram);
} checksum_datagrams SEC(".maps");

static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline __u64 checksum_pseudo_header(const struct vxlan_packet *packet)
{
	__u64 sum = (__u64)bpf_htonl(packet->udp_length) + bpf_htonl(IPPROTO_UDP);

	/* IPv4 addresses are mapped. Their 0xffff words add -0, which is nothing in one's complement. */
#pragma unroll
	for (int i = 0; i < 4; i++)
		sum += (__u64)packet->saddr[i] + packet->daddr[i];
	return sum;
}

/*
 * Sums the copy of a datagram in steps that every kernel accepts. `length`: 1 to CSUMBPF_CSUM_MAX. Negative if it
 * fails. A global function, so that the verifier checks the loop once and not for each path to it.
 */
__noinline __s64 checksum_in_steps(__u32 length)
{
	__u32 zero = 0;
	const struct checksum_datagram *datagram = bpf_map_lookup_elem(&checksum_datagrams, &zero);
	__u64 whole_steps, last_step;
	const __u8 *at;
	__s64 sum = 0;

	if (!datagram || !length || length > CSUMBPF_CSUM_MAX)
		return -1;
	/* The last step has 1 to CSUMBPF_CSUM_STEP bytes: some verifiers reject a read that may be empty. */
	whole_steps = (length - 1) / CSUMBPF_CSUM_STEP;
	last_step = ((length - 1) & (CSUMBPF_CSUM_STEP - 1)) + 1;
	at = datagram->bytes;
	for (__u32 i = 0; i < CSUMBPF_CSUM_STEPS - 1 && i < whole_steps; i++) {
		sum = bpf_csum_diff(NULL, 0, (__be32 *)at, CSUMBPF_CSUM_STEP, sum);
		at += CSUMBPF_CSUM_STEP;
	}
	return bpf_csum_diff(NULL, 0, (__be32 *)at, (last_step + 3) & ~3ULL, sum);
}

/*
 * Returns the one's complement sum over the pseudo-header and the whole datagram, its checksum field included, folded
 * to 16 bits. It is CHECKSUM_INTACT if the checksum is right, and never 0, because the pseudo-header is not 0.
 * Negative: CHECKSUM_TOO_LONG, or the packet could not be read.
 *
 * Calls dominate the cost, so this is one copy and one call of bpf_csum_diff(). Kernels before 6.13 reject more than
 * CSUMBPF_CSUM_STEP bytes (-EINVAL; a sum is never negative) and need more calls.
 */
static __always_inline long checksum_sum(struct __sk_buff *skb, const struct vxlan_packet *packet)
{
	__u32 zero = 0;
	struct checksum_datagram *datagram = bpf_map_lookup_elem(&checksum_datagrams, &zero);
	__u64 length = packet->udp_length;
	__s64 sum;

	if (length > CSUMBPF_CSUM_MAX)
		return CHECKSUM_TOO_LONG;
	/* Two comparisons: the verifier learns no bounds from a combined one, nor, on 5.10, from one with 0. */
	asm volatile("" : "+r"(length));
	if (length < sizeof(struct udphdr) || !datagram)
		return -1;

	*(__u32 *)&datagram->bytes[length & ~3ULL] = 0;
	if (bpf_skb_load_bytes(skb, packet->udp_offset, datagram->bytes, length))
		return -1;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)datagram->bytes, (length + 3) & ~3ULL, 0);
	if (sum < 0)
		sum = checksum_in_steps(length);
	return checksum_fold((__u32)sum + checksum_pseudo_header(packet));
}

/* Returns the right checksum, given checksum_sum(). 0 means "no checksum" in UDP, so 0xffff stands for it. */
static __always_inline __sum16 checksum_right(const struct vxlan_packet *packet, __u16 sum)
{
	__u16 without = checksum_fold((__u32)sum + (__u16)~packet->checksum);
	__u16 right = ~without;

	return right ? right : 0xffff;
}

/* Returns 0 or a negative errno. Keeps skb->csum right if the NIC left CHECKSUM_COMPLETE. */
static __always_inline long checksum_store(struct __sk_buff *skb, const struct vxlan_packet *packet, __sum16 checksum)
{
	return bpf_skb_store_bytes(skb, packet->udp_offset + CHECKSUM_OFFSET, &checksum, sizeof(checksum),
				   BPF_F_RECOMPUTE_CSUM);
}

/*
 * Subtracts from the checksum what NAT changed: `delta` of struct csumbpf_nat. Returns 0 or a negative errno.
 * BPF_F_PSEUDO_HDR says that no byte of the packet changes but the checksum, so skb->csum stays right.
 */
static __always_inline long checksum_adjust(struct __sk_buff *skb, const struct vxlan_packet *packet, __sum16 delta)
{
	return bpf_l4_csum_replace(skb, packet->udp_offset + CHECKSUM_OFFSET, 0, delta,
				   BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
}

#endif
