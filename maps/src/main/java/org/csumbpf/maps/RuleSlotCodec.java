// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_rule_slot}. */
final class RuleSlotCodec extends StructCodec<RuleSlots.Slot> {
    private final StructLayout.Field vni = layout.u32("vni");
    private final StructLayout.Field rule;

    RuleSlotCodec() {
        super("csumbpf_rule_slot");
        rule = layout.bytes("rule", Codecs.RULE.size());
    }

    @Override
    public void write(ByteBuffer buffer, RuleSlots.Slot value) {
        writeAt(buffer, 0, value);
    }

    void writeAt(ByteBuffer buffer, int base, RuleSlots.Slot value) {
        buffer.putInt(base + vni.offset(), value.vni().value());
        Codecs.RULE.writeAt(buffer, base + rule.offset(), value.rule());
    }

    @Override
    public RuleSlots.Slot read(ByteBuffer buffer, int base) {
        return new RuleSlots.Slot(new Vni(vni.getU32(buffer, base)), Codecs.RULE.read(buffer, base + rule.offset()));
    }
}
