// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.host.InterfaceName;

/** The codecs of all maps. CodecsAgainstBtfTest compares their layouts with the object's BTF. */
public final class Codecs {
    /** {@code CSUMBPF_VNI_ANY}: the key of the counters of the rule for any VNI. */
    static final int VNI_ANY = 0xffff_ffff;

    private static final int CONFIG_BACKSTOP = 1;
    private static final int CONFIG_NO_ETHERNET = 1 << 1;
    private static final int RULE_VALID = 1;
    private static final int RULE_DROP_PLAINTEXT = 1 << 1;
    private static final int RULE_UNVERIFIED = 1 << 2;
    /** {@code CSUMBPF_AGREED}. */
    private static final int NAT_AGREED = 4;
    /** {@code CSUMBPF_LAYOUT}. */
    static final int LAYOUT = 2;

    private static final int OPTION_FORCE = 1;
    private static final int OPTION_ENABLE_GRO = 1 << 1;
    private static final int IFNAMSIZ = 16;

    /** Host order, unsigned. */
    public static final Codec<Integer> U32 = new Codec<>() {
        @Override
        public int size() {
            return Integer.BYTES;
        }

        @Override
        public void write(ByteBuffer buffer, Integer value) {
            buffer.putInt(0, value);
        }

        @Override
        public Integer read(ByteBuffer buffer, int base) {
            return buffer.getInt(base);
        }
    };

    /** Unsigned. */
    public static final Codec<Long> U64 = new Codec<>() {
        @Override
        public int size() {
            return Long.BYTES;
        }

        @Override
        public void write(ByteBuffer buffer, Long value) {
            buffer.putLong(0, value);
        }

        @Override
        public Long read(ByteBuffer buffer, int base) {
            return buffer.getLong(base);
        }
    };

    public static final RuleCodec RULE = new RuleCodec();
    public static final ConfigCodec CONFIG = new ConfigCodec();
    private static final FirstRuleCodec FIRST_RULE = new FirstRuleCodec();
    static final FirstRulesCodec FIRST_RULES = new FirstRulesCodec();
    public static final CountCodec COUNT = new CountCodec();
    public static final CountersCodec COUNTERS = new CountersCodec();
    public static final PeerKeyCodec PEER_KEY = new PeerKeyCodec();
    private static final NatLayout NAT = new NatLayout();
    public static final PeerCodec PEER = new PeerCodec();
    public static final EventCodec EVENT = new EventCodec();
    public static final EvidenceCodec EVIDENCE = new EvidenceCodec();
    static final OptionsCodec OPTIONS = new OptionsCodec();
    public static final AttachmentCodec ATTACHMENT = new AttachmentCodec();
    static final AttachmentCodec1 ATTACHMENT_1 = new AttachmentCodec1();

    private Codecs() {}

    /** Every struct that a codec reads or writes. */
    public static List<StructLayout> layouts() {
        return List.of(
                RULE.layout,
                CONFIG.layout,
                FIRST_RULE.layout,
                FIRST_RULES.layout,
                COUNT.layout,
                COUNTERS.layout,
                PEER_KEY.layout,
                NAT.layout,
                PEER.layout,
                EVENT.layout,
                EVIDENCE.layout,
                OPTIONS.layout,
                ATTACHMENT.layout);
    }

    /** A codec of one struct. */
    abstract static class StructCodec<T> implements Codec<T> {
        final StructLayout layout;

        StructCodec(String struct) {
            layout = new StructLayout(struct);
        }

        @Override
        public final int size() {
            return layout.size();
        }
    }

    /** {@code struct csumbpf_rule}; empty: not valid. */
    public static final class RuleCodec extends StructCodec<Optional<Rule>> {
        private final StructLayout.Field mode = layout.u8("mode");
        private final StructLayout.Field flags = layout.u8("flags");
        private final StructLayout.Field verify = layout.u16("verify");

        RuleCodec() {
            super("csumbpf_rule");
        }

        @Override
        public void write(ByteBuffer buffer, Optional<Rule> value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, Optional<Rule> value) {
            int bits = 0;
            Mode written = Mode.AUTO;
            if (value.isPresent()) {
                Rule rule = value.get();
                written = rule.mode();
                bits = RULE_VALID
                        | (rule.dropPlaintext() ? RULE_DROP_PLAINTEXT : 0)
                        | (rule.unverified() ? RULE_UNVERIFIED : 0);
            }
            buffer.put(base + mode.offset(), (byte) written.ordinal());
            buffer.put(base + flags.offset(), (byte) bits);
            buffer.putShort(base + verify.offset(), (short)
                    value.map(Rule::verify).orElse(0).intValue());
        }

        @Override
        public Optional<Rule> read(ByteBuffer buffer, int base) {
            int bits = flags.getU8(buffer, base);
            if ((bits & RULE_VALID) == 0) {
                return Optional.empty();
            }
            return Optional.of(new Rule(
                    constant(Mode.values(), mode.getU8(buffer, base), "csumbpf_rule.mode"),
                    (bits & RULE_DROP_PLAINTEXT) != 0,
                    (bits & RULE_UNVERIFIED) != 0,
                    verify.getU16(buffer, base)));
        }
    }

    /** {@code struct csumbpf_config}, whose port is in network byte order; port 0: not written yet. */
    public static final class ConfigCodec extends StructCodec<Optional<Config>> {
        private final StructLayout.Field port = layout.u16("vxlan_port");
        private final StructLayout.Field flags = layout.u16("flags");
        private final StructLayout.Field any;

        ConfigCodec() {
            super("csumbpf_config");
            any = layout.bytes("any", RULE.size());
        }

        @Override
        public void write(ByteBuffer buffer, Optional<Config> value) {
            Config config = value.orElseThrow();
            buffer.putShort(port.offset(), networkOrder((short) config.port()));
            int bits = (config.backstop() ? CONFIG_BACKSTOP : 0)
                    | (config.link() == LinkHeader.NONE ? CONFIG_NO_ETHERNET : 0);
            buffer.putShort(flags.offset(), (short) bits);
            RULE.writeAt(buffer, any.offset(), config.any());
        }

        @Override
        public Optional<Config> read(ByteBuffer buffer, int base) {
            int number = Short.toUnsignedInt(networkOrder((short) port.getU16(buffer, base)));
            return number == 0
                    ? Optional.empty()
                    : Optional.of(new Config(
                            number,
                            (flags.getU16(buffer, base) & CONFIG_BACKSTOP) != 0,
                            (flags.getU16(buffer, base) & CONFIG_NO_ETHERNET) != 0
                                    ? LinkHeader.NONE
                                    : LinkHeader.ETHERNET,
                            RULE.read(buffer, base + any.offset())));
        }
    }

    /** {@code struct csumbpf_first_rule}. */
    private static final class FirstRuleCodec extends StructCodec<FirstRules.Place> {
        private final StructLayout.Field vni = layout.u32("vni");
        private final StructLayout.Field rule;

        FirstRuleCodec() {
            super("csumbpf_first_rule");
            rule = layout.bytes("rule", RULE.size());
        }

        @Override
        public void write(ByteBuffer buffer, FirstRules.Place value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, FirstRules.Place value) {
            buffer.putInt(base + vni.offset(), value.vni().value());
            RULE.writeAt(buffer, base + rule.offset(), value.rule());
        }

        @Override
        public FirstRules.Place read(ByteBuffer buffer, int base) {
            return new FirstRules.Place(new Vni(vni.getU32(buffer, base)), RULE.read(buffer, base + rule.offset()));
        }
    }

    /** {@code struct csumbpf_first_rules}. */
    static final class FirstRulesCodec extends StructCodec<FirstRules> {
        private final StructLayout.Field place = layout.bytes("place", FIRST_RULE.size() * FirstRules.PLACES);
        private final StructLayout.Field more;

        FirstRulesCodec() {
            super("csumbpf_first_rules");
            more = layout.u32("more");
        }

        @Override
        public void write(ByteBuffer buffer, FirstRules value) {
            for (int i = 0; i < FirstRules.PLACES; i++) {
                FIRST_RULE.writeAt(
                        buffer,
                        place.offset() + i * FIRST_RULE.size(),
                        value.places().get(i));
            }
            buffer.putInt(more.offset(), value.more() ? 1 : 0);
        }

        @Override
        public FirstRules read(ByteBuffer buffer, int base) {
            List<FirstRules.Place> places = new ArrayList<>();
            for (int i = 0; i < FirstRules.PLACES; i++) {
                places.add(FIRST_RULE.read(buffer, base + place.offset() + i * FIRST_RULE.size()));
            }
            return new FirstRules(places, more.getU32(buffer, base) != 0);
        }
    }

    /** {@code struct csumbpf_count}. */
    public static final class CountCodec extends StructCodec<Count> {
        private final StructLayout.Field packets = layout.u64("packets");
        private final StructLayout.Field bytes = layout.u64("bytes");

        CountCodec() {
            super("csumbpf_count");
        }

        @Override
        public void write(ByteBuffer buffer, Count value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, Count value) {
            buffer.putLong(base + packets.offset(), value.packets());
            buffer.putLong(base + bytes.offset(), value.bytes());
        }

        @Override
        public Count read(ByteBuffer buffer, int base) {
            return new Count(packets.getU64(buffer, base), bytes.getU64(buffer, base));
        }
    }

    /** {@code struct csumbpf_counters}. */
    public static final class CountersCodec extends StructCodec<Counters> {
        private final StructLayout.Field outcome = layout.bytes("outcome", COUNT.size() * Outcome.values().length);

        CountersCodec() {
            super("csumbpf_counters");
        }

        @Override
        public void write(ByteBuffer buffer, Counters value) {
            value.byOutcome().forEach((key, count) -> COUNT.writeAt(buffer, index(key), count));
        }

        @Override
        public Counters read(ByteBuffer buffer, int base) {
            Map<Outcome, Count> counts = new EnumMap<>(Outcome.class);
            for (Outcome key : Outcome.values()) {
                counts.put(key, COUNT.read(buffer, base + index(key)));
            }
            return new Counters(counts);
        }

        private int index(Outcome key) {
            return outcome.offset() + key.ordinal() * COUNT.size();
        }
    }

    /** {@code struct csumbpf_peer_key}. */
    public static final class PeerKeyCodec extends StructCodec<PeerKey> {
        private final StructLayout.Field vni = layout.u32("vni");
        private final StructLayout.Field saddr = layout.bytes("saddr", 16);
        private final StructLayout.Field daddr = layout.bytes("daddr", 16);

        PeerKeyCodec() {
            super("csumbpf_peer_key");
        }

        @Override
        public void write(ByteBuffer buffer, PeerKey value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, PeerKey value) {
            buffer.putInt(base + vni.offset(), value.vni().value());
            putAddress(buffer, base + saddr.offset(), value.source());
            putAddress(buffer, base + daddr.offset(), value.destination());
        }

        @Override
        public PeerKey read(ByteBuffer buffer, int base) {
            return new PeerKey(
                    new Vni(vni.getU32(buffer, base)), address(buffer, base, saddr), address(buffer, base, daddr));
        }
    }

    /** {@code struct csumbpf_peer}. The SPI and the delta are in network byte order. */
    public static final class PeerCodec extends StructCodec<Peer> {
        private final StructLayout.Field packets = layout.u64("packets");
        private final StructLayout.Field bytes = layout.u64("bytes");
        private final StructLayout.Field bad = layout.u64("bad");
        private final StructLayout.Field lastSeen = layout.u64("last_seen_ns");
        private final StructLayout.Field looked = layout.u64("looked_ns");
        private final StructLayout.Field spi;
        private final StructLayout.Field nat;

        PeerCodec() {
            super("csumbpf_peer");
            layout.u32("last_seen_jiffies");
            layout.u32("looked_jiffies");
            spi = layout.u32("spi");
            layout.u32("unverified");
            nat = layout.bytes("nat", NAT.size());
        }

        @Override
        public void write(ByteBuffer buffer, Peer value) {
            buffer.putLong(packets.offset(), value.packets());
            buffer.putLong(bytes.offset(), value.bytes());
            buffer.putLong(bad.offset(), value.bad());
            buffer.putLong(lastSeen.offset(), value.lastSeenNanos());
            buffer.putLong(looked.offset(), value.lookedNanos());
            buffer.putInt(spi.offset(), networkOrder(value.spi()));
            NAT.writeAt(buffer, nat.offset(), value);
        }

        @Override
        public Peer read(ByteBuffer buffer, int base) {
            return new Peer(
                    packets.getU64(buffer, base),
                    bytes.getU64(buffer, base),
                    bad.getU64(buffer, base),
                    lastSeen.getU64(buffer, base),
                    looked.getU64(buffer, base),
                    networkOrder(spi.getU32(buffer, base)),
                    NAT.delta(buffer, base + nat.offset()),
                    NAT.trusted(buffer, base + nat.offset()));
        }
    }

    /** {@code struct csumbpf_nat}, a part of {@code struct csumbpf_peer}. The delta is in network byte order. */
    static final class NatLayout {
        private final StructLayout layout = new StructLayout("csumbpf_nat");
        private final StructLayout.Field delta = layout.u16("delta");
        private final StructLayout.Field agreed;

        NatLayout() {
            layout.u16("candidate");
            agreed = layout.u8("agreed");
            layout.u8("candidate_seen");
            layout.u8("learned");
            layout.u8("reserved");
        }

        int size() {
            return layout.size();
        }

        void writeAt(ByteBuffer buffer, int base, Peer value) {
            buffer.putShort(base + delta.offset(), networkOrder((short) value.delta()));
            buffer.put(base + agreed.offset(), (byte) (value.trusted() ? NAT_AGREED : 0));
        }

        int delta(ByteBuffer buffer, int base) {
            return sum16(buffer, base, delta);
        }

        boolean trusted(ByteBuffer buffer, int base) {
            return agreed.getU8(buffer, base) == NAT_AGREED;
        }
    }

    /** {@code struct csumbpf_event}. The SPI and the deltas are in network byte order. */
    public static final class EventCodec extends StructCodec<Event> {
        private final StructLayout.Field time = layout.u64("time_ns");
        private final StructLayout.Field peer = layout.bytes("peer", PEER_KEY.size());
        private final StructLayout.Field spi = layout.u32("spi");
        private final StructLayout.Field type = layout.u16("type");
        private final StructLayout.Field deltaBefore = layout.u16("delta_before");
        private final StructLayout.Field delta = layout.u16("delta");

        EventCodec() {
            super("csumbpf_event");
            layout.u16("reserved");
        }

        @Override
        public void write(ByteBuffer buffer, Event value) {
            buffer.putLong(time.offset(), value.timeNanos());
            PEER_KEY.writeAt(buffer, peer.offset(), value.peer());
            buffer.putInt(spi.offset(), networkOrder(value.spi()));
            buffer.putShort(type.offset(), (short) value.type().ordinal());
            buffer.putShort(deltaBefore.offset(), networkOrder((short) value.deltaBefore()));
            buffer.putShort(delta.offset(), networkOrder((short) value.delta()));
        }

        @Override
        public Event read(ByteBuffer buffer, int base) {
            return new Event(
                    constant(EventType.values(), type.getU16(buffer, base), "csumbpf_event.type"),
                    time.getU64(buffer, base),
                    PEER_KEY.read(buffer, base + peer.offset()),
                    networkOrder(spi.getU32(buffer, base)),
                    sum16(buffer, base, deltaBefore),
                    sum16(buffer, base, delta));
        }
    }

    /** {@code struct csumbpf_evidence}. */
    public static final class EvidenceCodec extends StructCodec<Evidence> {
        private final StructLayout.Field checksumErrors = layout.u64("checksum_errors");
        private final StructLayout.Field reassembled = layout.u64("reassembled");
        private final StructLayout.Field esp = layout.u64("esp");
        private final StructLayout.Field repaired = layout.u64("repaired");
        private final StructLayout.Field left = layout.u64("left");

        EvidenceCodec() {
            super("csumbpf_evidence");
        }

        @Override
        public void write(ByteBuffer buffer, Evidence value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, Evidence value) {
            buffer.putLong(base + checksumErrors.offset(), value.checksumErrors());
            buffer.putLong(base + reassembled.offset(), value.reassembled());
            buffer.putLong(base + esp.offset(), value.esp());
            buffer.putLong(base + repaired.offset(), value.repaired());
            buffer.putLong(base + left.offset(), value.left());
        }

        @Override
        public Evidence read(ByteBuffer buffer, int base) {
            return new Evidence(
                    checksumErrors.getU64(buffer, base),
                    reassembled.getU64(buffer, base),
                    esp.getU64(buffer, base),
                    repaired.getU64(buffer, base),
                    left.getU64(buffer, base));
        }
    }

    /** {@code struct csumbpf_attachment}. */
    public static final class AttachmentCodec extends StructCodec<AttachmentRecord> {
        private final StructLayout.Field version = layout.u32("layout");
        private final StructLayout.Field ifindex = layout.u32("ifindex");
        private final StructLayout.Field hook = layout.u32("hook");
        private final StructLayout.Field changes = layout.u32("changes");
        private final StructLayout.Field attached = layout.u64("attached_ns");
        private final StructLayout.Field netnsCookie = layout.u64("netns_cookie");
        private final StructLayout.Field deviceId = layout.u64("device_id");
        private final StructLayout.Field options = layout.bytes("options", OPTIONS.size());
        private final StructLayout.Field ifname = layout.bytes("ifname", IFNAMSIZ);
        private final StructLayout.Field baseline = layout.bytes("baseline", EVIDENCE.size());

        AttachmentCodec() {
            super("csumbpf_attachment");
        }

        @Override
        public void write(ByteBuffer buffer, AttachmentRecord value) {
            buffer.putInt(version.offset(), LAYOUT);
            buffer.putInt(ifindex.offset(), value.ifindex());
            buffer.putInt(hook.offset(), value.hook().ordinal());
            buffer.putInt(changes.offset(), bits(value.changes()));
            buffer.putLong(attached.offset(), value.attachedNanos());
            buffer.putLong(netnsCookie.offset(), value.identity().netnsCookie());
            buffer.putLong(deviceId.offset(), value.identity().deviceId());
            OPTIONS.writeAt(buffer, options.offset(), value.options());
            buffer.put(ifname.offset(), ifnameBytes(value.ifname()));
            EVIDENCE.writeAt(buffer, baseline.offset(), value.baseline());
        }

        @Override
        public AttachmentRecord read(ByteBuffer buffer, int base) {
            int number = version.getU32(buffer, base);
            // 0: the kernel made the value, and nobody has written it yet.
            if (number != LAYOUT && number != 0) {
                throw new OtherVersionException("csumbpf_attachment.layout holds " + number
                        + ", and this version of csumbpf knows " + LAYOUT + " and what came before");
            }
            return new AttachmentRecord(
                    ifindex.getU32(buffer, base),
                    ifname(ifname.getBytes(buffer, base)),
                    new DeviceIdentity(netnsCookie.getU64(buffer, base), deviceId.getU64(buffer, base)),
                    constant(Hook.values(), hook.getU32(buffer, base), "csumbpf_attachment.hook"),
                    changes(changes.getU32(buffer, base)),
                    OPTIONS.read(buffer, base + options.offset()),
                    attached.getU64(buffer, base),
                    EVIDENCE.read(buffer, base + baseline.offset()));
        }
    }

    /**
     * {@code struct csumbpf_attachment} as versions before layout 2 wrote it: without identity, and of the options the backstop
     * alone.
     */
    static final class AttachmentCodec1 implements Codec<AttachmentRecord> {
        private static final int HOOK = 4;
        private static final int CHANGES = 8;
        private static final int BACKSTOP = 12;
        private static final int ATTACHED = 16;
        private static final int IFNAME = 24;
        private static final int BASELINE = IFNAME + IFNAMSIZ;

        @Override
        public int size() {
            return BASELINE + EVIDENCE.size();
        }

        @Override
        public void write(ByteBuffer buffer, AttachmentRecord value) {
            buffer.putInt(0, value.ifindex());
            buffer.putInt(HOOK, value.hook().ordinal());
            buffer.putInt(CHANGES, bits(value.changes()));
            buffer.putInt(BACKSTOP, value.options().backstop().ordinal());
            buffer.putLong(ATTACHED, value.attachedNanos());
            buffer.put(IFNAME, ifnameBytes(value.ifname()));
            EVIDENCE.writeAt(buffer, BASELINE, value.baseline());
        }

        @Override
        public AttachmentRecord read(ByteBuffer buffer, int base) {
            byte[] name = new byte[IFNAMSIZ];
            buffer.get(base + IFNAME, name);
            Backstop backstop =
                    constant(Backstop.values(), buffer.getInt(base + BACKSTOP), "csumbpf_attachment.backstop");
            return new AttachmentRecord(
                    buffer.getInt(base),
                    ifname(name),
                    DeviceIdentity.UNKNOWN,
                    constant(Hook.values(), buffer.getInt(base + HOOK), "csumbpf_attachment.hook"),
                    changes(buffer.getInt(base + CHANGES)),
                    new AttachOptions(Hook.NONE, backstop, false, false),
                    buffer.getLong(base + ATTACHED),
                    EVIDENCE.read(buffer, base + BASELINE));
        }
    }

    /** {@code struct csumbpf_options}. */
    static final class OptionsCodec extends StructCodec<AttachOptions> {
        private final StructLayout.Field hook = layout.u8("hook");
        private final StructLayout.Field backstop = layout.u8("backstop");
        private final StructLayout.Field flags = layout.u16("flags");

        OptionsCodec() {
            super("csumbpf_options");
            layout.u32("reserved");
        }

        @Override
        public void write(ByteBuffer buffer, AttachOptions value) {
            writeAt(buffer, 0, value);
        }

        void writeAt(ByteBuffer buffer, int base, AttachOptions value) {
            int bits = (value.force() ? OPTION_FORCE : 0) | (value.enableGro() ? OPTION_ENABLE_GRO : 0);
            buffer.put(base + hook.offset(), (byte) value.hook().ordinal());
            buffer.put(base + backstop.offset(), (byte) value.backstop().ordinal());
            buffer.putShort(base + flags.offset(), (short) bits);
        }

        @Override
        public AttachOptions read(ByteBuffer buffer, int base) {
            int bits = flags.getU16(buffer, base);
            if ((bits & ~(OPTION_FORCE | OPTION_ENABLE_GRO)) != 0) {
                throw new OtherVersionException("csumbpf_options.flags holds " + bits
                        + ", which this version does not know: written by a newer csumbpf?");
            }
            return new AttachOptions(
                    constant(Hook.values(), hook.getU8(buffer, base), "csumbpf_options.hook"),
                    constant(Backstop.values(), backstop.getU8(buffer, base), "csumbpf_options.backstop"),
                    (bits & OPTION_FORCE) != 0,
                    (bits & OPTION_ENABLE_GRO) != 0);
        }
    }

    private static int bits(Set<HostChange> changes) {
        int bits = 0;
        for (HostChange change : changes) {
            bits |= 1 << change.ordinal();
        }
        return bits;
    }

    private static Set<HostChange> changes(int bits) {
        EnumSet<HostChange> set = EnumSet.noneOf(HostChange.class);
        for (HostChange change : HostChange.values()) {
            if ((bits & 1 << change.ordinal()) != 0) {
                set.add(change);
            }
        }
        return set;
    }

    private static byte[] ifnameBytes(String ifname) {
        byte[] name = InterfaceName.encode(ifname);
        if (name.length >= IFNAMSIZ) {
            throw new IllegalArgumentException("interface name longer than IFNAMSIZ allows: " + ifname);
        }
        return name;
    }

    private static String ifname(byte[] name) {
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        return InterfaceName.decode(Arrays.copyOf(name, length));
    }

    /** IPv4 is written mapped (RFC 4291 section 2.5.5.2). */
    private static void putAddress(ByteBuffer buffer, int at, InetAddress value) {
        byte[] address = value.getAddress();
        if (address.length == 4) {
            buffer.put(at + 10, (byte) 0xff).put(at + 11, (byte) 0xff);
        }
        buffer.put(at + 16 - address.length, address);
    }

    private static InetAddress address(ByteBuffer buffer, int base, StructLayout.Field field) {
        try {
            // Gives an Inet4Address for a mapped address.
            return InetAddress.getByAddress(field.getBytes(buffer, base));
        } catch (UnknownHostException e) {
            throw new AssertionError("16 bytes are an address", e);
        }
    }

    /** A checksum, or a sum of that kind, which is in network byte order. */
    private static int sum16(ByteBuffer buffer, int base, StructLayout.Field field) {
        return Short.toUnsignedInt(networkOrder((short) field.getU16(buffer, base)));
    }

    private static <E> E constant(E[] values, int ordinal, String member) {
        if (ordinal < 0 || ordinal >= values.length) {
            throw new OtherVersionException(
                    member + " holds " + ordinal + ", which this version does not know: written by a newer csumbpf?");
        }
        return values[ordinal];
    }

    private static short networkOrder(short value) {
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Short.reverseBytes(value);
    }

    private static int networkOrder(int value) {
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }
}
