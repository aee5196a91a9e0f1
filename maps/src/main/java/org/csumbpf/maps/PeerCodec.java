// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_peer}. The SPI and the delta are in network byte order. */
public final class PeerCodec extends StructCodec<Peer> {
    private final StructLayout.Field packets = layout.u64("packets");
    private final StructLayout.Field bytes = layout.u64("bytes");
    private final StructLayout.Field bad = layout.u64("bad");
    private final StructLayout.Field lastSeen = layout.u64("last_seen_ns");
    private final StructLayout.Field checked = layout.u64("checked_ns");
    private final StructLayout.Field spi;
    private final StructLayout.Field nat;

    PeerCodec() {
        super("csumbpf_peer");
        layout.u32("last_seen_jiffies");
        layout.u32("checked_jiffies");
        spi = layout.u32("spi");
        layout.u32("unverified");
        nat = layout.bytes("nat", Codecs.NAT.size());
    }

    @Override
    public void write(ByteBuffer buffer, Peer value) {
        buffer.putLong(packets.offset(), value.packets());
        buffer.putLong(bytes.offset(), value.bytes());
        buffer.putLong(bad.offset(), value.bad());
        buffer.putLong(lastSeen.offset(), value.lastSeenNanos());
        buffer.putLong(checked.offset(), value.checkedNanos());
        buffer.putInt(spi.offset(), Members.networkOrder(value.spi()));
        Codecs.NAT.writeAt(buffer, nat.offset(), value);
    }

    @Override
    public Peer read(ByteBuffer buffer, int base) {
        return new Peer(
                packets(buffer, base),
                bytes(buffer, base),
                bad(buffer, base),
                lastSeenNanos(buffer, base),
                checked.getU64(buffer, base),
                Members.networkOrder(spi.getU32(buffer, base)),
                Codecs.NAT.delta(buffer, base + nat.offset()),
                Codecs.NAT.trusted(buffer, base + nat.offset()));
    }

    long packets(ByteBuffer buffer, int base) {
        return packets.getU64(buffer, base);
    }

    long bytes(ByteBuffer buffer, int base) {
        return bytes.getU64(buffer, base);
    }

    long bad(ByteBuffer buffer, int base) {
        return bad.getU64(buffer, base);
    }

    long lastSeenNanos(ByteBuffer buffer, int base) {
        return lastSeen.getU64(buffer, base);
    }
}
