// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/** One peer of a {@link PeerTable}. It is a window on the table's bytes: {@link PeerTable#forEach} moves it on. */
public final class PeerRow {
    /** Bytes: a key, then a value. */
    static final int SIZE = Codecs.PEER_KEY.size() + Codecs.PEER.size();

    private ByteBuffer buffer = ByteBuffer.allocate(0);
    private int key;
    private int value;

    PeerRow() {}

    void moveTo(ByteBuffer rows, int base) {
        buffer = rows;
        key = base;
        value = base + Codecs.PEER_KEY.size();
    }

    /** As in the packet: 0 to 2^24 - 1. */
    public int vni() {
        return Codecs.PEER_KEY.vni(buffer, key);
    }

    /** Outer source address. */
    public InetAddress source() {
        return Codecs.PEER_KEY.source(buffer, key);
    }

    /** The first eight bytes of the source address, of sixteen. Two addresses are equal if both halves are. */
    public long sourceHigh() {
        return Codecs.PEER_KEY.sourceHalf(buffer, key, 0);
    }

    /** The last eight bytes of the source address. */
    public long sourceLow() {
        return Codecs.PEER_KEY.sourceHalf(buffer, key, 1);
    }

    /** As {@link Peer#packets}. */
    public long packets() {
        return Codecs.PEER.packets(buffer, value);
    }

    /** As {@link Peer#bytes}. */
    public long bytes() {
        return Codecs.PEER.bytes(buffer, value);
    }

    /** As {@link Peer#bad}. */
    public long bad() {
        return Codecs.PEER.bad(buffer, value);
    }

    /** CLOCK_MONOTONIC, nanoseconds, to the jiffy. */
    public long lastSeenNanos() {
        return Codecs.PEER.lastSeenNanos(buffer, value);
    }

    public PeerKey key() {
        return Codecs.PEER_KEY.read(buffer, key);
    }

    public Peer peer() {
        return Codecs.PEER.read(buffer, value);
    }
}
