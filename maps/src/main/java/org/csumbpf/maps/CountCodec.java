// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_count}. */
public final class CountCodec extends StructCodec<Count> {
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
