// SPDX-License-Identifier: GPL-2.0
/*
 * A 1:1 NAT that does to a packet what a cloud's does to ESP: it rewrites the outer address and the sum over the IP header, and
 * leaves alone what stands behind it. So a UDP checksum is wrong from here on, with ESP and without. (nftables and pedit keep
 * the checksum right, if they find one.) On tc ingress of both links of the host that is the NAT; INSIDE and OUTSIDE are numbers
 * in network byte order.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SUM (ETH_HLEN + offsetof(struct iphdr, check))
#define FROM (ETH_HLEN + offsetof(struct iphdr, saddr))
#define TO (ETH_HLEN + offsetof(struct iphdr, daddr))

static __always_inline int rewrite(struct __sk_buff *skb, __u32 at, __u32 before, __u32 after)
{
	__u32 found;

	if (bpf_skb_load_bytes(skb, at, &found, 4) || found != before)
		return 0;
	bpf_l3_csum_replace(skb, SUM, before, after, 4);
	bpf_skb_store_bytes(skb, at, &after, 4, 0);
	return 1;
}

SEC("tc")
int nat(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(ETH_P_IP) && !rewrite(skb, FROM, INSIDE, OUTSIDE))
		rewrite(skb, TO, OUTSIDE, INSIDE);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
