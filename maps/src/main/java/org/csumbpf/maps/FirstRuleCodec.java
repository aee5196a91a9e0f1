// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_first_rule}. */
final class FirstRuleCodec extends StructCodec<FirstRules.Place> {
    private final StructLayout.Field vni = layout.u32("vni");
    private final StructLayout.Field rule;

    FirstRuleCodec() {
        super("csumbpf_first_rule");
        rule = layout.bytes("rule", Codecs.RULE.size());
    }

    @Override
    public void write(ByteBuffer buffer, FirstRules.Place value) {
        writeAt(buffer, 0, value);
    }

    void writeAt(ByteBuffer buffer, int base, FirstRules.Place value) {
        buffer.putInt(base + vni.offset(), value.vni().value());
        Codecs.RULE.writeAt(buffer, base + rule.offset(), value.rule());
    }

    @Override
    public FirstRules.Place read(ByteBuffer buffer, int base) {
        return new FirstRules.Place(new Vni(vni.getU32(buffer, base)), Codecs.RULE.read(buffer, base + rule.offset()));
    }
}
