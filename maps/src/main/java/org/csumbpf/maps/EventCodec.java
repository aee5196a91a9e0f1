// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_event}. The SPI and the deltas are in network byte order. */
public final class EventCodec extends StructCodec<Event> {
    private final StructLayout.Field time = layout.u64("time_ns");
    private final StructLayout.Field peer = layout.bytes("peer", Codecs.PEER_KEY.size());
    private final StructLayout.Field spi = layout.u32("spi");
    private final StructLayout.Field type = layout.u16("type");
    private final StructLayout.Field deltaBefore = layout.u16("delta_before");
    private final StructLayout.Field delta = layout.u16("delta");

    EventCodec() {
        super("csumbpf_event");
        layout.u16("reserved");
    }

    @Override
    public void write(ByteBuffer buffer, Event value) {
        buffer.putLong(time.offset(), value.timeNanos());
        Codecs.PEER_KEY.writeAt(buffer, peer.offset(), value.peer());
        buffer.putInt(spi.offset(), Members.networkOrder(value.spi()));
        buffer.putShort(type.offset(), (short) value.type().ordinal());
        buffer.putShort(deltaBefore.offset(), Members.networkOrder((short) value.deltaBefore()));
        buffer.putShort(delta.offset(), Members.networkOrder((short) value.delta()));
    }

    @Override
    public Event read(ByteBuffer buffer, int base) {
        return new Event(
                Members.constant(EventType.values(), type.getU16(buffer, base), "csumbpf_event.type"),
                time.getU64(buffer, base),
                Codecs.PEER_KEY.read(buffer, base + peer.offset()),
                Members.networkOrder(spi.getU32(buffer, base)),
                Members.sum16(buffer, base, deltaBefore),
                Members.sum16(buffer, base, delta));
    }
}
