// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** {@code struct csumbpf_rule_slots}. */
final class RuleSlotsCodec extends StructCodec<RuleSlots> {
    private final StructLayout.Field slot = layout.bytes("slot", Codecs.RULE_SLOT.size() * RuleSlots.SLOTS);
    private final StructLayout.Field more;

    RuleSlotsCodec() {
        super("csumbpf_rule_slots");
        more = layout.u32("more");
    }

    @Override
    public void write(ByteBuffer buffer, RuleSlots value) {
        for (int i = 0; i < RuleSlots.SLOTS; i++) {
            Codecs.RULE_SLOT.writeAt(
                    buffer,
                    slot.offset() + i * Codecs.RULE_SLOT.size(),
                    value.slots().get(i));
        }
        buffer.putInt(more.offset(), value.more() ? 1 : 0);
    }

    @Override
    public RuleSlots read(ByteBuffer buffer, int base) {
        List<RuleSlots.Slot> slots = new ArrayList<>();
        for (int i = 0; i < RuleSlots.SLOTS; i++) {
            slots.add(Codecs.RULE_SLOT.read(buffer, base + slot.offset() + i * Codecs.RULE_SLOT.size()));
        }
        return new RuleSlots(slots, more.getU32(buffer, base) != 0);
    }
}
