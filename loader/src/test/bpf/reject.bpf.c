// SPDX-License-Identifier: GPL-2.0
/* A program that every verifier rejects: it reads the packet without a bounds check. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int reject(struct __sk_buff *skb)
{
	return *(int *)(long)skb->data;
}

char LICENSE[] SEC("license") = "GPL";
