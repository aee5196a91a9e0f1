/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From an Ethernet frame to the VNI. Every read is bounds-checked; nothing is written.
 *
 * Packet pointers do not outlive a call of header(), which may pull data and so move it: each layer copies what the
 * next one needs.
 */
#ifndef CSUMBPF_LIB_PARSE_H
#define CSUMBPF_LIB_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../csumbpf.h"

#define IP_MF 0x2000     /* RFC 791: more fragments */
#define IP_OFFSET 0x1fff /* RFC 791: fragment offset, 8-byte units */
#define VLAN_TAGS_MAX 2  /* 802.1ad: a service tag and a customer tag */

struct vlan_tag {
	__be16 tci;
	__be16 encapsulated_proto;
};

/* RFC 7348 section 5 */
struct vxlan_header {
	__be32 flags;
	__be32 vni; /* upper 24 bits; the lower 8 are reserved */
};
#define VXLAN_FLAG_I bpf_htonl(0x08000000)

struct fragment_header { /* RFC 8200 section 4.5 */
	__u8 nexthdr;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

enum parse_result {
	PARSE_VXLAN,     /* struct vxlan_packet is filled */
	PARSE_OTHER,     /* not VXLAN on the configured port */
	PARSE_ESP,       /* not decrypted yet */
	PARSE_MALFORMED, /* see CSUMBPF_TOTAL_MALFORMED */
};

struct vxlan_packet {
	/* First the members of struct csumbpf_peer_key: it is looked up as it lies here. */
	__u32 vni;
	__be32 saddr[4]; /* IPv4: mapped, so that saddr[3] is the address */
	__be32 daddr[4];
	__u32 udp_offset;     /* of the UDP header, from the start of the frame */
	__u32 udp_length;     /* the UDP length field: header and payload */
	__u32 family_is_ipv6; /* 0 or 1 */
	__sum16 checksum;     /* as it arrived */
};
_Static_assert(__builtin_offsetof(struct vxlan_packet, udp_offset) == sizeof(struct csumbpf_peer_key),
	       "struct vxlan_packet does not begin with a struct csumbpf_peer_key");

/* The empty asm keeps this one value: added up twice, the verifier would see two pointers and check only one. */
static __always_inline void *at(struct __sk_buff *skb, __u32 offset)
{
	void *start = (void *)(long)skb->data + offset;

	asm volatile("" : "+r"(start));
	return start;
}

/*
 * `length` bytes at `offset`, or NULL where the packet ends before that. They may lie in a page fragment (a driver
 * that puts only the first headers into the linear part): then they are pulled, which leaves the content as it is.
 */
static __always_inline void *header(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	void *start = at(skb, offset);

	if (start + length > (void *)(long)skb->data_end) {
		if (offset + length > skb->len || bpf_skb_pull_data(skb, offset + length))
			return NULL;
		start = at(skb, offset);
		if (start + length > (void *)(long)skb->data_end)
			return NULL;
	}
	return start;
}

/*
 * UDP and VXLAN. `room`: bytes from the UDP header to the end of the IP packet. `port`: of VXLAN, or NULL where somebody
 * else has looked at it.
 */
static __always_inline enum parse_result parse_udp(struct __sk_buff *skb, __u32 offset, __u32 room, const __be16 *port,
						   struct vxlan_packet *packet)
{
	struct udphdr *udp = header(skb, offset, sizeof(*udp));
	struct vxlan_header *vxlan;

	if (!udp)
		return PARSE_MALFORMED;
	if (port && udp->dest != *port)
		return PARSE_OTHER;

	packet->udp_offset = offset;
	packet->udp_length = bpf_ntohs(udp->len);
	packet->checksum = udp->check;

	/*
	 * A datagram that GRO merged may be longer than its length fields can say (they hold 0 then). Its checksum is
	 * not going to be touched, so its lengths need not be believed.
	 */
	if (!skb->gso_size && (packet->udp_length < sizeof(*udp) + sizeof(*vxlan) || packet->udp_length > room))
		return PARSE_MALFORMED;

	vxlan = header(skb, offset + sizeof(*udp), sizeof(*vxlan));
	if (!vxlan || !(vxlan->flags & VXLAN_FLAG_I))
		return PARSE_MALFORMED;
	packet->vni = bpf_ntohl(vxlan->vni) >> 8;
	return PARSE_VXLAN;
}

static __always_inline enum parse_result parse_ipv4(struct __sk_buff *skb, __u32 offset, const __be16 *port,
						    struct vxlan_packet *packet)
{
	struct iphdr *ip = header(skb, offset, sizeof(*ip));
	__u32 header_length, total_length;

	if (!ip)
		return PARSE_MALFORMED;
	if (ip->protocol == IPPROTO_ESP)
		return PARSE_ESP;
	if (ip->protocol != IPPROTO_UDP)
		return PARSE_OTHER;
	if (ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return PARSE_MALFORMED;

	header_length = ip->ihl * 4;
	total_length = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_length < sizeof(*ip))
		return PARSE_MALFORMED;
	if (!skb->gso_size && (total_length < header_length || offset + total_length > skb->len))
		return PARSE_MALFORMED;

	packet->family_is_ipv6 = 0;
	packet->saddr[2] = bpf_htonl(0xffff);
	packet->saddr[3] = ip->saddr;
	packet->daddr[2] = bpf_htonl(0xffff);
	packet->daddr[3] = ip->daddr;
	return parse_udp(skb, offset + header_length, total_length - header_length, port, packet);
}

static __always_inline enum parse_result parse_ipv6(struct __sk_buff *skb, __u32 offset, const __be16 *port,
						    struct vxlan_packet *packet)
{
	struct ipv6hdr *ip = header(skb, offset, sizeof(*ip));
	struct fragment_header *fragment;
	__u32 payload_length;

	if (!ip)
		return PARSE_MALFORMED;
	switch (ip->nexthdr) {
	case IPPROTO_UDP:
		break;
	case IPPROTO_ESP:
		return PARSE_ESP;
	case IPPROTO_FRAGMENT:
		fragment = header(skb, offset + sizeof(*ip), sizeof(*fragment));
		return fragment && fragment->nexthdr != IPPROTO_UDP ? PARSE_OTHER : PARSE_MALFORMED;
	default: /* another extension header, or not UDP: VXLAN senders use none */
		return PARSE_OTHER;
	}

	payload_length = bpf_ntohs(ip->payload_len);
	if (ip->version != 6)
		return PARSE_MALFORMED;
	if (!skb->gso_size && offset + sizeof(*ip) + payload_length > skb->len)
		return PARSE_MALFORMED;

	packet->family_is_ipv6 = 1;
	__builtin_memcpy(packet->saddr, &ip->saddr, sizeof(packet->saddr));
	__builtin_memcpy(packet->daddr, &ip->daddr, sizeof(packet->daddr));
	return parse_udp(skb, offset + sizeof(*ip), payload_length, port, packet);
}

/*
 * `packet` must be zeroed. The first VLAN tag is usually not in the frame: the driver or the stack moved it to
 * skb->vlan_tci before tc ingress, and the EtherType that is left is the inner one.
 */
static __always_inline enum parse_result parse_vxlan(struct __sk_buff *skb, const __be16 *port,
						     struct vxlan_packet *packet)
{
	struct ethhdr *ethernet = header(skb, 0, sizeof(*ethernet));
	__u32 offset = sizeof(*ethernet);
	__be16 protocol;

	if (!ethernet)
		return PARSE_OTHER;
	protocol = ethernet->h_proto;

#pragma unroll
	for (int tags = 0; tags < VLAN_TAGS_MAX; tags++) {
		struct vlan_tag *tag;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		tag = header(skb, offset, sizeof(*tag));
		if (!tag)
			return PARSE_OTHER;
		protocol = tag->encapsulated_proto;
		offset += sizeof(*tag);
	}

	if (protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, offset, port, packet);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, offset, port, packet);
	return PARSE_OTHER;
}

#endif
