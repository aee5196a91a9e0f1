// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/** One peer: a window on the bytes of a key and a value. {@link PeerTable#forEach} moves it on. */
public final class PeerRow {
    private ByteBuffer keys = ByteBuffer.allocate(0);
    private int key;
    private ByteBuffer values = keys;
    private int value;

    PeerRow() {}

    void moveTo(ByteBuffer keysHere, int keyBase, ByteBuffer valuesHere, int valueBase) {
        keys = keysHere;
        key = keyBase;
        values = valuesHere;
        value = valueBase;
    }

    /** As in the packet: 0 to 2^24 - 1. */
    public int vni() {
        return Codecs.PEER_KEY.vni(keys, key);
    }

    /** Outer source address. */
    public InetAddress source() {
        return Codecs.PEER_KEY.source(keys, key);
    }

    /** The first eight bytes of the source address, of sixteen. Two addresses are equal if both halves are. */
    public long sourceHigh() {
        return Codecs.PEER_KEY.sourceHalf(keys, key, 0);
    }

    /** The last eight bytes of the source address. */
    public long sourceLow() {
        return Codecs.PEER_KEY.sourceHalf(keys, key, 1);
    }

    /** As {@link Peer#packets}. */
    public long packets() {
        return Codecs.PEER.packets(values, value);
    }

    /** As {@link Peer#bytes}. */
    public long bytes() {
        return Codecs.PEER.bytes(values, value);
    }

    /** As {@link Peer#bad}. */
    public long bad() {
        return Codecs.PEER.bad(values, value);
    }

    /** CLOCK_MONOTONIC, nanoseconds, to the jiffy. */
    public long lastSeenNanos() {
        return Codecs.PEER.lastSeenNanos(values, value);
    }

    public PeerKey key() {
        return Codecs.PEER_KEY.read(keys, key);
    }

    public Peer peer() {
        return Codecs.PEER.read(values, value);
    }
}
