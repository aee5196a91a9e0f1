// SPDX-License-Identifier: GPL-2.0
/* What no verifier takes: a packet read without a check of its bounds. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int reject(struct __sk_buff *skb)
{
	return *(int *)(long)skb->data;
}

char LICENSE[] SEC("license") = "GPL";
