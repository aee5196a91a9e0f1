// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.Optional;

/** {@code struct csumbpf_rule}; empty: not valid. */
public final class RuleCodec extends StructCodec<Optional<Rule>> {
    private static final int RULE_VALID = 1;
    private static final int RULE_DROP_PLAINTEXT = 1 << 1;
    private static final int RULE_UNVERIFIED = 1 << 2;

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
                Members.constant(Mode.values(), mode.getU8(buffer, base), "csumbpf_rule.mode"),
                (bits & RULE_DROP_PLAINTEXT) != 0,
                (bits & RULE_UNVERIFIED) != 0,
                verify.getU16(buffer, base)));
    }
}
