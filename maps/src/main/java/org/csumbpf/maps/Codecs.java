// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.List;

/** The codecs of all maps. CodecsAgainstBtfTest compares their layouts with the object's BTF. */
public final class Codecs {
    /** {@code CSUMBPF_VNI_ANY}: the key of the counters of the rule for any VNI. */
    static final int VNI_ANY = 0xffff_ffff;

    /** {@code CSUMBPF_LAYOUT}. */
    static final int LAYOUT = 2;

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
    static final RuleSlotCodec RULE_SLOT = new RuleSlotCodec();
    static final RuleSlotsCodec RULE_SLOTS = new RuleSlotsCodec();
    public static final CountCodec COUNT = new CountCodec();
    public static final CountersCodec COUNTERS = new CountersCodec();
    public static final PeerKeyCodec PEER_KEY = new PeerKeyCodec();
    static final NatLayout NAT = new NatLayout();
    public static final PeerCodec PEER = new PeerCodec();
    public static final EventCodec EVENT = new EventCodec();
    public static final DropBaselineCodec DROP_BASELINE = new DropBaselineCodec();
    static final OptionsCodec OPTIONS = new OptionsCodec();
    public static final AttachmentCodec ATTACHMENT = new AttachmentCodec();
    static final AttachmentCodec1 ATTACHMENT_1 = new AttachmentCodec1();

    private Codecs() {}

    /** Every struct that a codec reads or writes. */
    public static List<StructLayout> layouts() {
        return List.of(
                RULE.layout,
                CONFIG.layout,
                RULE_SLOT.layout,
                RULE_SLOTS.layout,
                COUNT.layout,
                COUNTERS.layout,
                PEER_KEY.layout,
                NAT.layout,
                PEER.layout,
                EVENT.layout,
                DROP_BASELINE.layout,
                OPTIONS.layout,
                ATTACHMENT.layout);
    }
}
