/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every layout that the program and user space share: map keys, map values, outcomes.
 *
 * User space is Java: org.csumbpf.maps holds one codec for each struct, and a test compares the codecs with the BTF
 * of the object that this header went into. A struct changed here and not there fails that test.
 *
 * Byte order: host order unless a member says otherwise. No padding is implicit; every byte has a name.
 */
#ifndef CSUMBPF_H
#define CSUMBPF_H

#include <linux/types.h>

/* RFC 7348 section 5: the VNI is 24 bits wide. 0 to 2^24-1 are valid. */
#define CSUMBPF_VNI_MAX 0xffffffU
/* Stands for every VNI in `backstop` keys. No packet can carry it. */
#define CSUMBPF_VNI_ANY 0xffffffffU
/* IANA's port for VXLAN (RFC 7348 section 5). The configured one is in struct csumbpf_config. */
#define CSUMBPF_VXLAN_PORT 4789

#define CSUMBPF_RULES_MAX 32768
#define CSUMBPF_PEERS_MAX 65536

/*
 * The longest UDP datagram (header and payload, bytes) whose checksum is computed. Covers jumbo frames of 9,000
 * bytes; the step is what bpf_csum_diff() takes in one call on every kernel (512 bytes, its stack-sized scratchpad).
 */
#define CSUMBPF_CSUM_STEP 512
#define CSUMBPF_CSUM_STEPS 18
#define CSUMBPF_CSUM_MAX (CSUMBPF_CSUM_STEP * CSUMBPF_CSUM_STEPS)

enum csumbpf_mode {
	CSUMBPF_MODE_AUTO = 0, /* zero where the outer header is IPv4, recompute where it is IPv6 */
	CSUMBPF_MODE_ZERO = 1, /* write 0 (RFC 7348 section 4.1; over IPv6 RFC 6935 needs the receiver's consent) */
	CSUMBPF_MODE_RECOMPUTE = 2, /* write the RFC 1071 checksum if it is not there already */
	CSUMBPF_MODE_OBSERVE = 3,   /* compute and count, write nothing */
	/*
	 * Learn what NAT does to a peer's checksums (struct csumbpf_nat), and undo just that. What was damaged before it was
	 * encrypted keeps a wrong checksum. recompute, until it is learned.
	 */
	CSUMBPF_MODE_ADJUST = 4,
	CSUMBPF_MODE_COUNT_,
};

enum csumbpf_rule_flag {
	/* Set in every rule. Without it csumbpf_config.any, which always exists, is none. */
	CSUMBPF_RULE_VALID = 1 << 0,
	CSUMBPF_RULE_DROP_PLAINTEXT = 1 << 1, /* drop what IPsec did not decrypt, instead of passing it untouched */
	CSUMBPF_RULE_UNVERIFIED = 1 << 2,     /* do not ask for proof: repair plaintext as well */
};

/* Value of map `rules`; its key is the VNI (__u32). It holds those that have no place in `first_rules`. */
struct csumbpf_rule {
	__u8 mode;    /* enum csumbpf_mode */
	__u8 flags;   /* enum csumbpf_rule_flag */
	__u16 verify; /* mode adjust: one packet of a peer in so many is verified, 1 to 65535; in other modes 0 */
};

/*
 * So many rules need no look-up in a hash, and neither do their counters: most hosts have no more. The rule for any VNI is
 * counted as one behind the last of them.
 */
#define CSUMBPF_FIRST_RULES 8
#define CSUMBPF_FIRST_ANY CSUMBPF_FIRST_RULES

struct csumbpf_first_rule {
	__u32 vni;
	struct csumbpf_rule rule; /* not CSUMBPF_RULE_VALID: none */
};

/*
 * The one value of map `first_rules`. User space writes a VNI only while the rule beside it is not valid, since the program
 * may read while it writes.
 */
struct csumbpf_first_rules {
	struct csumbpf_first_rule place[CSUMBPF_FIRST_RULES];
	__u32 more; /* not 0: map `rules` holds others */
};

enum csumbpf_config_flag {
	/* nftables rules repair behind tc; they are told what tc has dealt with (CSUMBPF_PRIORITY_DONE). */
	CSUMBPF_CONFIG_BACKSTOP = 1 << 0,
	/* The device has no Ethernet header: at tc a packet begins with IP (WireGuard, tun, ipip, ppp). */
	CSUMBPF_CONFIG_NO_ETHERNET = 1 << 1,
};

/* The one value of map `config`. */
struct csumbpf_config {
	__be16 vxlan_port;       /* network byte order, 1 to 65535 */
	__u16 flags;             /* enum csumbpf_config_flag */
	struct csumbpf_rule any; /* applies to a VNI without a rule of its own, if CSUMBPF_RULE_VALID is set */
};

/* What became of a packet that a rule matched. Every such packet is counted under exactly one of these. */
enum csumbpf_outcome {
	CSUMBPF_REPAIRED = 0,  /* checksum written */
	CSUMBPF_GOOD = 1,      /* checksum right: not written. Computed, but in mode adjust only where verified */
	CSUMBPF_BAD = 2,       /* checksum computed and found wrong, and the mode is observe: not written */
	CSUMBPF_ZERO = 3,      /* arrived without a checksum: left so */
	CSUMBPF_GSO = 4,       /* merged by GRO, which verified the checksum: left alone */
	CSUMBPF_PLAINTEXT = 5, /* not decrypted by IPsec: passed untouched */
	CSUMBPF_DROPPED = 6,   /* not decrypted by IPsec: dropped, as the rule asks */
	CSUMBPF_OVERSIZE = 7,  /* longer than CSUMBPF_CSUM_MAX: passed untouched */
	CSUMBPF_FAILED = 8,    /* a helper refused to read or write the packet: passed untouched */
	CSUMBPF_CORRUPT =
		9, /* mode adjust: wrong by something else than what NAT does to this peer: passed untouched */
	CSUMBPF_OUTCOME_COUNT_,
};

/* What is counted for the device as a whole, because no VNI is known or no rule matched. */
enum csumbpf_total {
	/*
	 * UDP that cannot be what it says: cut short, a length field that lies, a fragment (any UDP fragment: only the
	 * first one holds the port; an atomic one, RFC 6946, is none), or the VXLAN port without the I flag.
	 */
	CSUMBPF_TOTAL_MALFORMED = 0,
	CSUMBPF_TOTAL_NO_RULE = 1, /* VXLAN on the configured port, its VNI has no rule */
	/*
	 * ESP (IP protocol 50) that reached tc undecrypted. If this grows and nothing is repaired, then decryption
	 * happens after tc, out of this program's sight.
	 */
	CSUMBPF_TOTAL_ESP = 2,
	CSUMBPF_TOTAL_COUNT_,
};

struct csumbpf_count {
	__u64 packets;
	__u64 bytes; /* skb->len: from the Ethernet header on (without one, from IP on), without FCS */
};

/*
 * Value of per-CPU maps. Of csumbpf: `first_counters`, whose key is a rule's place in `first_rules` (CSUMBPF_FIRST_ANY: of the
 * rule for any VNI), and `counters` for the other rules, by VNI (__u32). Of csumbpf_detour: `backstop`, by the rule's VNI or
 * CSUMBPF_VNI_ANY.
 */
struct csumbpf_counters {
	struct csumbpf_count outcome[CSUMBPF_OUTCOME_COUNT_];
};

/* Key of map `peers`. Addresses: outer, network byte order; IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct csumbpf_peer_key {
	__u32 vni; /* as in the packet, also where the rule is the one for any VNI */
	__u8 saddr[16];
	__u8 daddr[16];
};

/*
 * What NAT does to the checksums of a peer: one constant for as long as the addresses stay mapped. All CPUs learn together and
 * without a lock, so it is replaced as a whole.
 *
 * A delta is a one's complement sum over pseudo-header and datagram, as they lie in the packet. 0xffff: NAT does nothing, the
 * checksum is right. 0: not known; no sum is 0, since the pseudo-header is not.
 */
struct csumbpf_nat {
	__sum16 delta;
	__sum16 candidate;   /* another delta, which takes its place if seen CSUMBPF_CHANGED times in a row; 0: none */
	__u8 agreed;         /* packets in a row whose sum was delta, up to CSUMBPF_AGREED */
	__u8 candidate_seen; /* packets in a row whose sum was candidate */
	__u8 learned;        /* 0 or 1: CSUMBPF_AGREED packets once agreed, on this delta or the one before */
	__u8 reserved;       /* 0 */
};
/* Mode adjust trusts a delta that so many packets in a row agreed on. */
#define CSUMBPF_AGREED 4
/* A packet that is damaged on its sender has some delta too: one that differs is believed when it came so often in a row. */
#define CSUMBPF_CHANGED 3

/* Value of LRU map `peers`, which all CPUs share. */
struct csumbpf_peer {
	__u64 packets; /* matched by a rule and decrypted by IPsec (or the rule is unverified) */
	__u64 bytes;
	__u64 bad;               /* of those whose checksum was computed, found wrong */
	__u64 last_seen_ns;      /* bpf_ktime_get_ns(), to the jiffy: CLOCK_MONOTONIC, nanoseconds */
	__u64 looked_ns;         /* when a checksum was last computed, likewise; 0: never */
	__u32 last_seen_jiffies; /* jiffies, the lower half: asking for it costs a load, asking the clock a call */
	__u32 looked_jiffies;    /* likewise */
	__be32 spi;              /* RFC 4303 section 2.1, network byte order, of the SA that decrypted; 0: unverified */
	__u32 unverified;        /* mode adjust: packets since a checksum was last computed */
	struct csumbpf_nat nat;
};

/*
 * Where only 0 is to be written, the checksum is computed all the same for a peer's first packet, then for one in this time
 * and when its SPI changes: to tell what NAT does, and that it does something else now. Jiffies: 10 seconds at 250 Hz, which is
 * Debian's.
 */
#define CSUMBPF_LOOK_JIFFIES 2560
/* Mode adjust: what is not verified for its number (csumbpf_rule.verify) is after this time. A second at 250 Hz. */
#define CSUMBPF_VERIFY_JIFFIES 256

enum csumbpf_event_type {
	CSUMBPF_EVENT_BAD_CHECKSUM = 0, /* a peer's first wrong checksum */
	CSUMBPF_EVENT_MAPPING_CHANGED =
		1,                   /* a peer's delta changed: another host is behind its address, or another NAT */
	CSUMBPF_EVENT_PLAINTEXT = 2, /* a packet with a VNI that has a rule, which IPsec did not decrypt */
	CSUMBPF_EVENT_TYPE_COUNT_,
};

/* What ring buffer `events` carries. */
struct csumbpf_event {
	__u64 time_ns; /* CLOCK_MONOTONIC, nanoseconds */
	struct csumbpf_peer_key peer;
	__be32 spi;           /* as in struct csumbpf_peer; 0: plaintext, or unverified */
	__u16 type;           /* enum csumbpf_event_type */
	__sum16 delta_before; /* as in struct csumbpf_nat; 0: not known */
	__sum16 delta;
	__u16 reserved; /* 0 */
};

/*
 * No more than so many events of a type in a window of so many jiffies (a second at 250 Hz, which is Debian's). Counting
 * jiffies costs a load, asking the clock a call.
 */
#define CSUMBPF_EVENTS_IN_WINDOW 8
#define CSUMBPF_EVENT_WINDOW_JIFFIES 256
/* Plaintext from the same source for the same VNI is told again after this time, nanoseconds. */
#define CSUMBPF_EVENT_AGAIN_NS 60000000000ULL
#define CSUMBPF_EVENTS_BYTES (64 * 1024) /* room of the ring buffer: about 1,000 events; a multiple of any page size */

/*
 * What the two paths tell each other of a packet, in skb->priority, which is 0 on a packet that a card received and which
 * nobody looks at before the host sends it on. tc and nftables show it as MAJOR:MINOR.
 *
 * DONE: tc left a checksum that is not 0 on purpose (good, recomputed, or only observed). nftables sets it back to 0.
 * DETOUR: nftables sent the packet over the loopback device, for csumbpf_detour to recompute it; the minor number is the
 * lower 16 bits of the attachment's ifindex. The program sets it back to 0.
 */
enum csumbpf_priority {
	CSUMBPF_PRIORITY_DONE = 0x12b50000,
	CSUMBPF_PRIORITY_DETOUR = 0x12b60000,
};
#define CSUMBPF_PRIORITY_MINOR 0xffffU

/* Whether attach sets up nftables rules beside the program. */
enum csumbpf_backstop {
	CSUMBPF_BACKSTOP_AUTO = 0,   /* where nftables works */
	CSUMBPF_BACKSTOP_ALWAYS = 1, /* or attach fails */
	CSUMBPF_BACKSTOP_NEVER = 2,
};

/* What attach changed on the host beside the hook itself, so that detach can undo it. */
enum csumbpf_host_change {
	CSUMBPF_CHANGED_CLSACT = 1 << 0,       /* created the device's clsact qdisc */
	CSUMBPF_CHANGED_GRO = 1 << 1,          /* switched the device's GRO feature on */
	CSUMBPF_CHANGED_ESP4_OFFLOAD = 1 << 2, /* loaded the module esp4_offload */
	CSUMBPF_CHANGED_ESP6_OFFLOAD = 1 << 3, /* loaded the module esp6_offload */
	CSUMBPF_CHANGED_BPFFS = 1 << 4,        /* mounted bpffs */
	CSUMBPF_CHANGED_NFTABLES = 1 << 5,     /* added chains to the nftables tables csumbpf */
	CSUMBPF_CHANGED_DETOUR = 1 << 6,       /* hung csumbpf_detour on the loopback device */
	CSUMBPF_CHANGED_LO_CLSACT = 1 << 7,    /* created the loopback device's clsact qdisc */
};

enum csumbpf_hook {
	CSUMBPF_HOOK_TCX = 1,    /* BPF link on the tcx ingress chain, kernel 6.6 and later */
	CSUMBPF_HOOK_CLSACT = 2, /* cls_bpf filter with direct-action on the clsact qdisc */
};

/*
 * What had been counted at one moment, by the host (in the network namespace, IPv4 and IPv6 added up) and by the attachment.
 * Two of these tell whether decrypted packets die behind both paths.
 */
struct csumbpf_evidence {
	__u64 checksum_errors; /* UDP datagrams that the sockets on the VXLAN port dropped for their checksum */
	__u64 reassembled;     /* IP datagrams put together from fragments: IpReasmOKs, Ip6ReasmOKs */
	__u64 esp;             /* CSUMBPF_TOTAL_ESP */
	__u64 repaired;        /* on both paths */
	__u64 left; /* packets with a wrong checksum, or one that could not be computed, that was left so: the reason for an error */
};

/* What this version writes into csumbpf_attachment.layout. Records of 80 bytes have no such member: layout 1. */
enum csumbpf_layout {
	CSUMBPF_LAYOUT = 2,
};

enum csumbpf_option_flag {
	CSUMBPF_OPTION_FORCE = 1 << 0,      /* attach although decrypted packets can reach neither path */
	CSUMBPF_OPTION_ENABLE_GRO = 1 << 1, /* switch the device's GRO feature on */
};

/* What the user asked for beside the rules, so that it can be put back without asking again. */
struct csumbpf_options {
	__u8 hook;      /* enum csumbpf_hook; 0: the best that the kernel has */
	__u8 backstop;  /* enum csumbpf_backstop */
	__u16 flags;    /* set of enum csumbpf_option_flag */
	__u32 reserved; /* 0 */
};

/* The one value of map `attachment`: written by user space only. csumbpf_detour reads ifindex. */
struct csumbpf_attachment {
	__u32 layout; /* enum csumbpf_layout: first in every version, so that another one is recognised */
	__u32 ifindex;
	__u32 hook;        /* enum csumbpf_hook; 0: not decided yet */
	__u32 changes;     /* set of enum csumbpf_host_change */
	__u64 attached_ns; /* CLOCK_MONOTONIC when attach finished, nanoseconds; 0: it did not finish */
	/* SO_NETNS_COOKIE (5.14): no other network namespace has it until the host starts again; 0: the kernel has none */
	__u64 netns_cookie;
	/* Number of the device's kernfs node (see DeviceNode.java), which no other device gets; 0: not known */
	__u64 device_id;
	struct csumbpf_options options;
	char ifname[16];                  /* NUL-terminated; the name when attached, it may have changed since */
	struct csumbpf_evidence baseline; /* when the rules last changed */
};

#define CSUMBPF_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed its size")
CSUMBPF_ASSERT_SIZE(struct csumbpf_rule, 4);
CSUMBPF_ASSERT_SIZE(struct csumbpf_config, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_first_rules, 68);
CSUMBPF_ASSERT_SIZE(struct csumbpf_count, 16);
CSUMBPF_ASSERT_SIZE(struct csumbpf_counters, 16 * CSUMBPF_OUTCOME_COUNT_);
CSUMBPF_ASSERT_SIZE(struct csumbpf_peer_key, 36);
CSUMBPF_ASSERT_SIZE(struct csumbpf_peer, 64);
CSUMBPF_ASSERT_SIZE(struct csumbpf_nat, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_event, 56);
CSUMBPF_ASSERT_SIZE(struct csumbpf_evidence, 40);
CSUMBPF_ASSERT_SIZE(struct csumbpf_options, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_attachment, 104);

#endif
