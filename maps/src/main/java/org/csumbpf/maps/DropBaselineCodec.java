// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_drop_baseline}. */
public final class DropBaselineCodec extends StructCodec<DropBaseline> {
    private final StructLayout.Field checksumErrors = layout.u64("checksum_errors");
    private final StructLayout.Field reassembled = layout.u64("reassembled");
    private final StructLayout.Field esp = layout.u64("esp");
    private final StructLayout.Field repaired = layout.u64("repaired");
    private final StructLayout.Field left = layout.u64("left");

    DropBaselineCodec() {
        super("csumbpf_drop_baseline");
    }

    @Override
    public void write(ByteBuffer buffer, DropBaseline value) {
        writeAt(buffer, 0, value);
    }

    void writeAt(ByteBuffer buffer, int base, DropBaseline value) {
        buffer.putLong(base + checksumErrors.offset(), value.checksumErrors());
        buffer.putLong(base + reassembled.offset(), value.reassembled());
        buffer.putLong(base + esp.offset(), value.esp());
        buffer.putLong(base + repaired.offset(), value.repaired());
        buffer.putLong(base + left.offset(), value.left());
    }

    @Override
    public DropBaseline read(ByteBuffer buffer, int base) {
        return new DropBaseline(
                checksumErrors.getU64(buffer, base),
                reassembled.getU64(buffer, base),
                esp.getU64(buffer, base),
                repaired.getU64(buffer, base),
                left.getU64(buffer, base));
    }
}
