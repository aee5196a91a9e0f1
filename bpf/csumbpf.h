/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All layouts that the program and user space share: map keys, map values, outcomes.
 *
 * User space is Java. org.csumbpf.maps has one codec for each struct, and CodecsAgainstBtfTest compares the codecs
 * with the BTF of the object, so a struct changed only here fails that test.
 *
 * Byte order is host order unless a member says otherwise. There is no implicit padding: every byte has a name.
 */
#ifndef CSUMBPF_H
#define CSUMBPF_H

#include <linux/types.h>

/* RFC 7348 section 5: the VNI is 24 bits wide. 0 to 2^24-1 are valid. */
#define CSUMBPF_VNI_MAX 0xffffffU
/* In keys of map `backstop`: the rule for any VNI. No packet can carry it. */
#define CSUMBPF_VNI_ANY 0xffffffffU
/* IANA's port for VXLAN (RFC 7348 section 5), the default of csumbpf_config.vxlan_port. */
#define CSUMBPF_VXLAN_PORT 4789

#define CSUMBPF_RULES_MAX 32768
#define CSUMBPF_PEERS_MAX 65536

/*
 * The longest UDP datagram (header and payload, bytes) whose checksum is computed; it covers jumbo frames of 9,000
 * bytes. A step is what bpf_csum_diff() accepts in one call on every kernel: its scratchpad has 512 bytes.
 */
#define CSUMBPF_CSUM_STEP 512
#define CSUMBPF_CSUM_STEPS 18
#define CSUMBPF_CSUM_MAX (CSUMBPF_CSUM_STEP * CSUMBPF_CSUM_STEPS)

enum csumbpf_mode {
	CSUMBPF_MODE_AUTO = 0, /* zero if the outer header is IPv4, recompute if it is IPv6 */
	CSUMBPF_MODE_ZERO = 1, /* write 0 (RFC 7348 section 4.1; over IPv6 RFC 6935 needs the receiver's consent) */
	CSUMBPF_MODE_RECOMPUTE = 2, /* write the RFC 1071 checksum unless it is there already */
	CSUMBPF_MODE_OBSERVE = 3,   /* compute and count, write nothing */
	/*
	 * Learn what NAT does to a peer's checksums (struct csumbpf_nat), and undo just that, so a packet that was
	 * damaged before it was encrypted keeps a wrong checksum. Until that is learned: recompute.
	 */
	CSUMBPF_MODE_ADJUST = 4,
	CSUMBPF_MODE_COUNT_,
};

enum csumbpf_rule_flag {
	/* Set in every rule. csumbpf_config.any always exists; without this flag it is no rule. */
	CSUMBPF_RULE_VALID = 1 << 0,
	CSUMBPF_RULE_DROP_PLAINTEXT = 1 << 1, /* drop what IPsec did not decrypt, instead of passing it untouched */
	CSUMBPF_RULE_UNVERIFIED = 1 << 2,     /* repair without proof, plaintext too */
};

/* Value of map `rules`, whose key is the VNI (__u32). It holds the rules that have no slot in `first_rules`. */
struct csumbpf_rule {
	__u8 mode;    /* enum csumbpf_mode */
	__u8 flags;   /* enum csumbpf_rule_flag */
	__u16 verify; /* mode adjust: one packet of a peer in this many is verified, 1 to 65535; other modes: 0 */
};

/*
 * Rules in these slots, and their counters, need no look-up in a hash. Most hosts have no more rules than that. The
 * counters of the rule for any VNI follow the last slot.
 */
#define CSUMBPF_RULE_SLOTS 8
#define CSUMBPF_SLOT_ANY CSUMBPF_RULE_SLOTS

struct csumbpf_rule_slot {
	__u32 vni;
	struct csumbpf_rule rule; /* without CSUMBPF_RULE_VALID the slot is free */
};

/*
 * The only value of map `first_rules`. The program may read while user space writes, so a VNI is written only while
 * its rule is not valid.
 */
struct csumbpf_rule_slots {
	struct csumbpf_rule_slot slot[CSUMBPF_RULE_SLOTS];
	__u32 more; /* not 0: map `rules` holds others */
};

enum csumbpf_config_flag {
	/* There are nftables rules: mark what they must leave alone (CSUMBPF_PRIORITY_HANDLED). */
	CSUMBPF_CONFIG_BACKSTOP = 1 << 0,
	/* The device has no Ethernet header: at tc a packet begins with IP (WireGuard, tun, ipip, ppp). */
	CSUMBPF_CONFIG_NO_ETHERNET = 1 << 1,
};

/* The only value of map `config`. */
struct csumbpf_config {
	__be16 vxlan_port;       /* network byte order, 1 to 65535 */
	__u16 flags;             /* enum csumbpf_config_flag */
	struct csumbpf_rule any; /* applies to a VNI without a rule of its own, if CSUMBPF_RULE_VALID is set */
};

/* What became of a packet that a rule matched. Each such packet is counted under exactly one of these. */
enum csumbpf_outcome {
	CSUMBPF_REPAIRED = 0,  /* checksum written */
	CSUMBPF_GOOD = 1,      /* checksum right, not written; in mode adjust it may be known without computing it */
	CSUMBPF_BAD = 2,       /* checksum computed and wrong, not written: mode observe */
	CSUMBPF_ZERO = 3,      /* arrived without a checksum, left so */
	CSUMBPF_GSO = 4,       /* merged by GRO, which verified the checksum; left alone */
	CSUMBPF_PLAINTEXT = 5, /* not decrypted by IPsec, passed untouched */
	CSUMBPF_DROPPED = 6,   /* not decrypted by IPsec, dropped as the rule asks */
	CSUMBPF_OVERSIZE = 7,  /* longer than CSUMBPF_CSUM_MAX, passed untouched */
	CSUMBPF_FAILED = 8,    /* a helper could not read or write the packet, passed untouched */
	CSUMBPF_CORRUPT =
		9, /* mode adjust: wrong, and not by what NAT does to this peer; passed untouched */
	CSUMBPF_OUTCOME_COUNT_,
};

/* Counted for the whole device, because no VNI is known or no rule matched. */
enum csumbpf_total {
	/*
	 * UDP that is cut short, has a wrong length field, is a fragment (of any port: only the first one holds the
	 * port; an atomic fragment, RFC 6946, is none), or has the VXLAN port without the I flag.
	 */
	CSUMBPF_TOTAL_MALFORMED = 0,
	CSUMBPF_TOTAL_NO_RULE = 1, /* VXLAN on the configured port whose VNI has no rule */
	/*
	 * ESP (IP protocol 50), not decrypted yet. If this grows and nothing is repaired, ESP is decrypted after tc,
	 * where this program does not see the packets.
	 */
	CSUMBPF_TOTAL_ESP = 2,
	CSUMBPF_TOTAL_COUNT_,
};

struct csumbpf_count {
	__u64 packets;
	__u64 bytes; /* skb->len: from the Ethernet header on (without one, from IP on), without FCS */
};

/*
 * Value of three per-CPU maps. csumbpf counts in `first_counters`, by slot of `first_rules` (CSUMBPF_SLOT_ANY: the
 * rule for any VNI), and in `counters` for the other rules, by VNI (__u32). csumbpf_detour counts in `backstop`, by
 * the rule's VNI or CSUMBPF_VNI_ANY.
 */
struct csumbpf_counters {
	struct csumbpf_count outcome[CSUMBPF_OUTCOME_COUNT_];
};

/* Key of map `peers`. Addresses: outer, network byte order; IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct csumbpf_peer_key {
	__u32 vni; /* as in the packet, also if the rule is the one for any VNI */
	__u8 saddr[16];
	__u8 daddr[16];
};

/*
 * What NAT does to the checksums of a peer: one constant, as long as the mapping of its addresses stays. All CPUs
 * learn together without a lock, so it is replaced as a whole.
 *
 * A delta is the one's complement sum over pseudo-header and datagram, in the packet's byte order. 0xffff: the
 * checksum is right, NAT changes nothing. 0: not known; a sum is never 0, because the pseudo-header is not 0.
 */
struct csumbpf_nat {
	__sum16 delta;
	__sum16 candidate;   /* another delta, which replaces it when seen CSUMBPF_CHANGED times in a row; 0: none */
	__u8 agreed;         /* packets in a row with that delta, at most CSUMBPF_AGREED */
	__u8 candidate_seen; /* packets in a row with that candidate */
	__u8 learned;        /* 1 once CSUMBPF_AGREED packets have agreed, on this delta or an earlier one */
	__u8 reserved;       /* 0 */
};
/* Mode adjust trusts a delta after this many packets in a row agreed on it. */
#define CSUMBPF_AGREED 4
/* A packet damaged on its sender has another delta too, so a new one must come this often in a row to be believed. */
#define CSUMBPF_CHANGED 3

/* Value of LRU map `peers`, shared by all CPUs. */
struct csumbpf_peer {
	__u64 packets; /* matched by a rule and decrypted by IPsec (or the rule is unverified) */
	__u64 bytes;
	__u64 bad;               /* packets whose checksum was computed and wrong */
	__u64 last_seen_ns;      /* bpf_ktime_get_ns(), to the jiffy: CLOCK_MONOTONIC, nanoseconds */
	__u64 checked_ns;        /* when a checksum was last computed, likewise; 0: never */
	__u32 last_seen_jiffies; /* lower half of jiffies: reading it is a load, reading the clock a call */
	__u32 checked_jiffies;   /* likewise */
	__be32 spi;              /* RFC 4303 section 2.1, network byte order, of the SA that decrypted; 0: unverified */
	__u32 unverified;        /* mode adjust: packets since a checksum was last computed */
	struct csumbpf_nat nat;
};

/*
 * The period of the checksum sample, jiffies: 10 seconds at Debian's 250 Hz. Modes that only write 0 compute the
 * checksum of a peer's first packet, of one in this period and of the first with a new SPI, to notice what NAT does.
 */
#define CSUMBPF_CHECK_JIFFIES 2560
/* Mode adjust verifies one packet in this time at least, jiffies: a second at Debian's 250 Hz. */
#define CSUMBPF_VERIFY_JIFFIES 256

enum csumbpf_event_type {
	CSUMBPF_EVENT_BAD_CHECKSUM = 0, /* a peer's first wrong checksum */
	CSUMBPF_EVENT_MAPPING_CHANGED =
		1,                   /* a peer's delta changed: another host or another NAT is behind its address */
	CSUMBPF_EVENT_PLAINTEXT = 2, /* a packet of a VNI with a rule that IPsec did not decrypt */
	CSUMBPF_EVENT_TYPE_COUNT_,
};

/* A record of ring buffer `events`. */
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
 * At most this many events of a type in a window, jiffies: a second at Debian's 250 Hz.
 */
#define CSUMBPF_EVENTS_IN_WINDOW 8
#define CSUMBPF_EVENT_WINDOW_JIFFIES 256
/* Plaintext from the same source for the same VNI is reported again after this time, nanoseconds. */
#define CSUMBPF_EVENT_AGAIN_NS 60000000000ULL
#define CSUMBPF_EVENTS_BYTES (64 * 1024) /* size of the ring buffer: about 1,000 events; a multiple of any page size */

/*
 * Marks in skb->priority, by which the two paths know what the other did. The priority is 0 on received packets, and
 * nothing reads it before the host forwards them. tc and nftables print it as MAJOR:MINOR.
 *
 * HANDLED: tc left a checksum other than 0 on purpose (good, recomputed, or only observed). nftables clears it.
 * LOOPBACK: nftables sent the packet over the loopback device, so that csumbpf_detour recomputes it. The minor number
 * is the lower 16 bits of the attachment's ifindex. csumbpf_detour clears it.
 */
enum csumbpf_priority {
	CSUMBPF_PRIORITY_HANDLED = 0x12b50000,
	CSUMBPF_PRIORITY_LOOPBACK = 0x12b60000,
};
#define CSUMBPF_PRIORITY_MINOR 0xffffU

/* Whether attach adds nftables rules. */
enum csumbpf_backstop {
	CSUMBPF_BACKSTOP_AUTO = 0,   /* where nftables works */
	CSUMBPF_BACKSTOP_ALWAYS = 1, /* or attach fails */
	CSUMBPF_BACKSTOP_NEVER = 2,
};

/* What attach changed on the host besides the hook, so that detach can undo it. */
enum csumbpf_host_change {
	CSUMBPF_CHANGED_CLSACT = 1 << 0,       /* created the device's clsact qdisc */
	CSUMBPF_CHANGED_GRO = 1 << 1,          /* switched the device's GRO feature on */
	CSUMBPF_CHANGED_ESP4_OFFLOAD = 1 << 2, /* loaded the module esp4_offload */
	CSUMBPF_CHANGED_ESP6_OFFLOAD = 1 << 3, /* loaded the module esp6_offload */
	CSUMBPF_CHANGED_BPFFS = 1 << 4,        /* mounted bpffs */
	CSUMBPF_CHANGED_NFTABLES = 1 << 5,     /* added chains to the nftables tables csumbpf */
	CSUMBPF_CHANGED_LOOPBACK = 1 << 6,     /* attached csumbpf_detour to the loopback device */
	CSUMBPF_CHANGED_LO_CLSACT = 1 << 7,    /* created the loopback device's clsact qdisc */
};

enum csumbpf_hook {
	CSUMBPF_HOOK_TCX = 1,    /* BPF link on the tcx ingress chain, kernel 6.6 and later */
	CSUMBPF_HOOK_CLSACT = 2, /* cls_bpf filter with direct-action on the clsact qdisc */
};

/*
 * Counts at one moment, of the host (in the network namespace, IPv4 and IPv6 added up) and of the attachment. The
 * difference of two shows whether decrypted packets are dropped after both paths.
 */
struct csumbpf_drop_baseline {
	__u64 checksum_errors; /* UDP datagrams that the sockets on the VXLAN port dropped for their checksum */
	__u64 reassembled;     /* IP datagrams put together from fragments: IpReasmOKs, Ip6ReasmOKs */
	__u64 esp;             /* CSUMBPF_TOTAL_ESP */
	__u64 repaired;        /* on both paths */
	__u64 left; /* packets left with a checksum that is wrong or could not be computed: they explain errors */
};

/* What this version writes into csumbpf_attachment.layout. Layout 1 had no such member, and 80 bytes. */
enum csumbpf_layout {
	CSUMBPF_LAYOUT = 2,
};

enum csumbpf_option_flag {
	CSUMBPF_OPTION_FORCE = 1 << 0,      /* attach although no path can repair */
	CSUMBPF_OPTION_ENABLE_GRO = 1 << 1, /* switch the device's GRO feature on */
	CSUMBPF_OPTION_AGENT = 1 << 2,      /* csumbpf agent made the attachment, and may change or detach it */
};

/* What the user asked for besides the rules; restore puts it back. */
struct csumbpf_options {
	__u8 hook;      /* enum csumbpf_hook; 0: the best that the kernel has */
	__u8 backstop;  /* enum csumbpf_backstop */
	__u16 flags;    /* set of enum csumbpf_option_flag */
	__u32 reserved; /* 0 */
};

/* The only value of map `attachment`. Only user space writes it; csumbpf_detour reads ifindex. */
struct csumbpf_attachment {
	__u32 layout; /* enum csumbpf_layout; the first member in every version */
	__u32 ifindex;
	__u32 hook;        /* enum csumbpf_hook; 0: not attached yet */
	__u32 changes;     /* set of enum csumbpf_host_change */
	__u64 attached_ns; /* CLOCK_MONOTONIC when attach finished, nanoseconds; 0: it did not finish */
	/* SO_NETNS_COOKIE (5.14), unique until the host reboots; 0: not known */
	__u64 netns_cookie;
	/* Number of the device's directory in sysfs (DeviceNode.java), unique until the host reboots; 0: not known */
	__u64 device_id;
	struct csumbpf_options options;
	char ifname[16];                       /* NUL-terminated; the name at the time of attach */
	struct csumbpf_drop_baseline baseline; /* when the rules last changed */
};

#define CSUMBPF_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed its size")
CSUMBPF_ASSERT_SIZE(struct csumbpf_rule, 4);
CSUMBPF_ASSERT_SIZE(struct csumbpf_config, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_rule_slots, 68);
CSUMBPF_ASSERT_SIZE(struct csumbpf_count, 16);
CSUMBPF_ASSERT_SIZE(struct csumbpf_counters, 16 * CSUMBPF_OUTCOME_COUNT_);
CSUMBPF_ASSERT_SIZE(struct csumbpf_peer_key, 36);
CSUMBPF_ASSERT_SIZE(struct csumbpf_peer, 64);
CSUMBPF_ASSERT_SIZE(struct csumbpf_nat, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_event, 56);
CSUMBPF_ASSERT_SIZE(struct csumbpf_drop_baseline, 40);
CSUMBPF_ASSERT_SIZE(struct csumbpf_options, 8);
CSUMBPF_ASSERT_SIZE(struct csumbpf_attachment, 104);

#endif
