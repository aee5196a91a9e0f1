/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parses an Ethernet frame, or an IP packet if the device has no Ethernet header, up to the VNI. Both programs call
 * parse_vxlan(). Every read is bounds-checked; nothing is written.
 *
 * header() may pull data and so move it, which invalidates packet pointers: each layer copies what the next one
 * needs.
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

/*
 * RFC 8200 section 4: how every IPv6 extension header begins that is skipped. EXTENSIONS_MAX is each kind once, as
 * the RFC recommends.
 */
struct extension_header {
	__u8 nexthdr;
	__u8 length; /* 8-byte units, without the first; in a fragment header reserved */
	union {
		struct {
			__u8 type; /* of a routing header; irrelevant at its last hop */
			__u8 segments_left;
		};
		__be16 fragment; /* of a fragment header: offset and flags */
	};
	__be32 rest;
};
_Static_assert(sizeof(struct extension_header) == 8, "an extension header has at least 8 bytes");
#define EXTENSIONS_MAX 4
#define IP6_OFFSET_AND_MF bpf_htons(0xfff9) /* both 0: an atomic fragment is the whole packet (RFC 6946) */
/*
 * A Home Address option (RFC 6275) replaces the source address in the pseudo-header. With its header it needs 24
 * bytes, so shorter destination options hold none. 8-byte units, without the first.
 */
#define DESTINATION_OPTIONS_MAX 1

/* The largest offsets: after two VLAN tags; after those, an IPv6 header and four extension headers of 2,048 bytes. */
#define NETWORK_OFFSET_MASK 0x1f
#define TRANSPORT_OFFSET_MASK 0x3fff
_Static_assert(ETH_HLEN + VLAN_TAGS_MAX * 4 <= NETWORK_OFFSET_MASK, "an IP header may lie behind what the mask covers");
_Static_assert(NETWORK_OFFSET_MASK + sizeof(struct ipv6hdr) + EXTENSIONS_MAX * 2048 <= TRANSPORT_OFFSET_MASK,
	       "a UDP header may lie behind what the mask covers");

/* RFC 7348 section 5 */
struct vxlan_header {
	__be32 flags;
	__be32 vni; /* upper 24 bits; the lower 8 are reserved */
};
#define VXLAN_FLAG_I bpf_htonl(0x08000000)

enum parse_result {
	PARSE_VXLAN,     /* struct vxlan_packet is filled */
	PARSE_OTHER,     /* not VXLAN on the configured port */
	PARSE_ESP,       /* not decrypted yet */
	PARSE_MALFORMED, /* see CSUMBPF_TOTAL_MALFORMED */
};

struct vxlan_packet {
	/* Begins with the members of struct csumbpf_peer_key, so that it is a key of map `peers` without a copy. */
	__u32 vni;
	__be32 saddr[4]; /* IPv4: mapped, so that saddr[3] is the address */
	__be32 daddr[4];
	__u32 udp_offset;     /* of the UDP header, from where the packet begins at tc */
	__u32 udp_length;     /* the UDP length field: header and payload */
	__u32 family_is_ipv6; /* 0 or 1 */
	__sum16 checksum;     /* as it arrived */
};
_Static_assert(__builtin_offsetof(struct vxlan_packet, udp_offset) == sizeof(struct csumbpf_peer_key),
	       "struct vxlan_packet does not begin with a struct csumbpf_peer_key");

/*
 * skb->MEMBER. In C, clang would keep the address of a member that is read often in a register, and the verifier
 * rejects a context pointer whose offset is not constant.
 */
#define context(skb, member)                                                                                           \
	({                                                                                                             \
		__u64 value;                                                                                           \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                                                  \
			     : "=r"(value)                                                                             \
			     : "r"(skb), "i"(__builtin_offsetof(struct __sk_buff, member)));                           \
		value;                                                                                                 \
	})

/* The empty asm keeps clang from computing the pointer twice: the verifier would check only one of the two. */
static __always_inline void *at(struct __sk_buff *skb, __u32 offset)
{
	void *start = (void *)(long)context(skb, data) + offset;

	asm volatile("" : "+r"(start));
	return start;
}

/*
 * Returns `value`, of which the verifier then knows only that it fits `mask`. It would follow each constant (the
 * lengths of headers) separately through all code after this: a dozen paths, and a tenth of a second for each attach.
 */
static __always_inline __u32 bounded(struct __sk_buff *skb, __u32 value, __u32 mask)
{
	__u64 any = context(skb, len);

	asm volatile("%0 += %1\n%0 -= %1\n" : "+r"(value) : "r"(any));
	return value & mask;
}

/*
 * Returns a pointer to `length` bytes at `offset`, or NULL if the packet is shorter. Bytes outside the linear part
 * (some drivers put only the first headers there) are pulled into it, which does not change the packet.
 */
static __always_inline void *header(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	void *start = at(skb, offset);

	if (start + length > (void *)(long)context(skb, data_end)) {
		if (offset + length > skb->len || bpf_skb_pull_data(skb, offset + length))
			return NULL;
		start = at(skb, offset);
		if (start + length > (void *)(long)context(skb, data_end))
			return NULL;
	}
	return start;
}

/*
 * Parses UDP and VXLAN. `room`: bytes from the UDP header to the end of the IP packet. `port`: the VXLAN port,
 * network byte order; NULL if it is checked already.
 */
static __always_inline enum parse_result parse_udp(struct __sk_buff *skb, __u32 offset, __u32 room, const __be16 *port,
						   struct vxlan_packet *packet)
{
	struct udphdr *udp;
	struct vxlan_header *vxlan;

	offset = bounded(skb, offset, TRANSPORT_OFFSET_MASK);
	udp = header(skb, offset, sizeof(*udp));

	if (!udp)
		return PARSE_MALFORMED;
	if (port && udp->dest != *port)
		return PARSE_OTHER;

	packet->udp_offset = offset;
	packet->udp_length = bpf_ntohs(udp->len);
	packet->checksum = udp->check;

	/*
	 * A datagram that GRO merged may be longer than its length fields can express; then they hold 0. Its checksum
	 * stays as it is, so its lengths do not matter.
	 */
	if (!skb->gso_size && (packet->udp_length < sizeof(*udp) + sizeof(*vxlan) || packet->udp_length > room))
		return PARSE_MALFORMED;

	vxlan = header(skb, offset + sizeof(*udp), sizeof(*vxlan));
	if (!vxlan || !(vxlan->flags & VXLAN_FLAG_I))
		return PARSE_MALFORMED;
	packet->vni = bpf_ntohl(vxlan->vni) >> 8;
	packet->family_is_ipv6 = bounded(skb, packet->family_is_ipv6, 1);
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

/*
 * Skips extension headers. `offset` and `nexthdr` are those of the first one, and on return of the header after the
 * last one. Returns PARSE_VXLAN if parsing can go on there.
 */
static __always_inline enum parse_result skip_extensions(struct __sk_buff *skb, __u32 *offset, __u8 *nexthdr)
{
#pragma unroll
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct extension_header *extension;
		__u8 kind = *nexthdr;
		__u32 length;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS && kind != IPPROTO_FRAGMENT)
			break;
		extension = header(skb, *offset, sizeof(*extension));
		if (!extension)
			return PARSE_MALFORMED;
		*nexthdr = extension->nexthdr;
		length = 0;
		if (kind == IPPROTO_FRAGMENT) {
			if (extension->fragment & IP6_OFFSET_AND_MF)
				return *nexthdr == IPPROTO_UDP ? PARSE_MALFORMED : PARSE_OTHER;
		} else {
			length = extension->length;
			if (kind == IPPROTO_ROUTING && extension->segments_left)
				return PARSE_OTHER; /* the pseudo-header has another address */
			if (kind == IPPROTO_DSTOPTS && length > DESTINATION_OPTIONS_MAX)
				return PARSE_OTHER;
		}
		*offset += (length + 1) * 8;
	}
	return PARSE_VXLAN;
}

static __always_inline enum parse_result parse_ipv6(struct __sk_buff *skb, __u32 offset, const __be16 *port,
						    struct vxlan_packet *packet)
{
	struct ipv6hdr *ip = header(skb, offset, sizeof(*ip));
	__u32 payload_length, extensions;
	enum parse_result result;
	__u8 nexthdr, version;

	if (!ip)
		return PARSE_MALFORMED;
	nexthdr = ip->nexthdr;
	version = ip->version;
	payload_length = bpf_ntohs(ip->payload_len);
	packet->family_is_ipv6 = 1;
	__builtin_memcpy(packet->saddr, &ip->saddr, sizeof(packet->saddr));
	__builtin_memcpy(packet->daddr, &ip->daddr, sizeof(packet->daddr));
	offset += sizeof(*ip);

	extensions = offset;
	if (nexthdr != IPPROTO_UDP) {
		result = skip_extensions(skb, &offset, &nexthdr);
		if (result != PARSE_VXLAN)
			return result;
		if (nexthdr == IPPROTO_ESP)
			return PARSE_ESP;
		if (nexthdr != IPPROTO_UDP)
			return PARSE_OTHER;
	}
	if (version != 6)
		return PARSE_MALFORMED;
	if (!skb->gso_size &&
	    (extensions + payload_length > skb->len || extensions + payload_length < offset))
		return PARSE_MALFORMED;
	return parse_udp(skb, offset, extensions + payload_length - offset, port, packet);
}

/*
 * `packet` must be zeroed. `settings`: NULL if the port is checked already and the device has an Ethernet header.
 *
 * The first VLAN tag is usually not in the frame: the driver or the stack moved it to skb->vlan_tci before tc
 * ingress, and the EtherType is the inner one.
 */
static __always_inline enum parse_result parse_vxlan(struct __sk_buff *skb, const struct csumbpf_config *settings,
						     struct vxlan_packet *packet)
{
	const __be16 *port = settings ? &settings->vxlan_port : NULL;
	struct ethhdr *ethernet;
	__u32 offset = 0;
	__be16 protocol;

	if (settings && settings->flags & CSUMBPF_CONFIG_NO_ETHERNET) {
		protocol = skb->protocol;
		goto network;
	}
	ethernet = header(skb, 0, sizeof(*ethernet));
	offset = sizeof(*ethernet);
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

network:
	offset = bounded(skb, offset, NETWORK_OFFSET_MASK);
	if (protocol == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, offset, port, packet);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, offset, port, packet);
	return PARSE_OTHER;
}

#endif
