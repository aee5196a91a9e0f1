// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/** {@code struct csumbpf_peer_key}. */
public final class PeerKeyCodec extends StructCodec<PeerKey> {
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
        Members.putAddress(buffer, base + saddr.offset(), value.source());
        Members.putAddress(buffer, base + daddr.offset(), value.destination());
    }

    @Override
    public PeerKey read(ByteBuffer buffer, int base) {
        return new PeerKey(
                new Vni(vni.getU32(buffer, base)),
                Members.address(buffer, base, saddr),
                Members.address(buffer, base, daddr));
    }

    int vni(ByteBuffer buffer, int base) {
        return vni.getU32(buffer, base);
    }

    InetAddress source(ByteBuffer buffer, int base) {
        return Members.address(buffer, base, saddr);
    }

    /** Half of the source address, as a number in the buffer's byte order. */
    long sourceHalf(ByteBuffer buffer, int base, int half) {
        return buffer.getLong(base + saddr.offset() + half * Long.BYTES);
    }
}
