// SPDX-License-Identifier: GPL-2.0
/* Somebody else's program: lets everything pass, ends the chain (END), or sends all out of the device that TARGET names. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int foreign(struct __sk_buff *skb)
{
#ifdef TARGET
	return bpf_redirect(TARGET, 0);
#elif defined(END)
	return TC_ACT_OK;
#else
	return TC_ACT_UNSPEC;
#endif
}

SEC("xdp")
int foreign_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
