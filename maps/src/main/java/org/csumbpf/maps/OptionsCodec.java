// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_options}. */
final class OptionsCodec extends StructCodec<AttachOptions> {
    private static final int OPTION_FORCE = 1;
    private static final int OPTION_ENABLE_GRO = 1 << 1;
    private static final int OPTION_AGENT = 1 << 2;

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
        int bits = (value.force() ? OPTION_FORCE : 0)
                | (value.enableGro() ? OPTION_ENABLE_GRO : 0)
                | (value.agent() ? OPTION_AGENT : 0);
        buffer.put(base + hook.offset(), (byte) value.hook().ordinal());
        buffer.put(base + backstop.offset(), (byte) value.backstop().ordinal());
        buffer.putShort(base + flags.offset(), (short) bits);
    }

    @Override
    public AttachOptions read(ByteBuffer buffer, int base) {
        int bits = flags.getU16(buffer, base);
        if ((bits & ~(OPTION_FORCE | OPTION_ENABLE_GRO | OPTION_AGENT)) != 0) {
            throw new OtherVersionException("csumbpf_options.flags is " + bits
                    + ", which this version of csumbpf does not know: written by a newer version?");
        }
        return new AttachOptions(
                Members.constant(Hook.values(), hook.getU8(buffer, base), "csumbpf_options.hook"),
                Members.constant(Backstop.values(), backstop.getU8(buffer, base), "csumbpf_options.backstop"),
                (bits & OPTION_FORCE) != 0,
                (bits & OPTION_ENABLE_GRO) != 0,
                (bits & OPTION_AGENT) != 0);
    }
}
