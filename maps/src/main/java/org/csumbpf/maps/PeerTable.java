// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.csumbpf.loader.RawMap;

/**
 * The peers of an attachment at one time, in no order. They stay the bytes that the kernel gave, because objects for
 * 65,536 peers would take three times the memory.
 */
public final class PeerTable {
    public static final PeerTable NONE = new PeerTable();

    /** Bytes: a key, then a value. */
    private static final int ROW = Codecs.PEER_KEY.size() + Codecs.PEER.size();

    private static final int ROWS_MIN = 64;
    /** So that no block is larger than 400 kB: a table grows without being copied. */
    private static final int ROWS_MAX = 4096;

    private final List<ByteBuffer> blocks = new ArrayList<>();
    private int size;

    private PeerTable() {}

    /** Reads all peers. One that is added or removed meanwhile may be missing; any other is there, once. */
    static PeerTable read(RawMap map) {
        PeerTable table = new PeerTable();
        map.forEach((keys, keyBase, values, valueBase) -> {
            ByteBuffer block = table.next();
            int at = block.position();
            int keySize = Codecs.PEER_KEY.size();
            block.put(at, keys, keyBase, keySize).put(at + keySize, values, valueBase, Codecs.PEER.size());
            block.position(at + ROW);
        });
        return table;
    }

    /** The block that has room for one row more, which begins at its position. */
    private ByteBuffer next() {
        ByteBuffer last = blocks.isEmpty() ? null : blocks.get(blocks.size() - 1);
        if (last == null || last.remaining() < ROW) {
            int rows = Math.max(ROWS_MIN, Math.min(ROWS_MAX, size));
            last = ByteBuffer.allocate(rows * ROW).order(ByteOrder.nativeOrder());
            blocks.add(last);
        }
        size++;
        return last;
    }

    public int size() {
        return size;
    }

    /** Passes each peer. The row is the same object each time, so it is valid only during the call. */
    public void forEach(Consumer<PeerRow> visitor) {
        PeerRow row = new PeerRow();
        for (ByteBuffer block : blocks) {
            for (int at = 0; at < block.position(); at += ROW) {
                row.moveTo(block, at, block, at + Codecs.PEER_KEY.size());
                visitor.accept(row);
            }
        }
    }

    /** When the last packet with such a VNI came: CLOCK_MONOTONIC, nanoseconds. Empty: none is remembered. */
    public OptionalLong lastSeenNanos(IntPredicate vni) {
        long[] last = {Long.MIN_VALUE};
        boolean[] any = {false};
        forEach(row -> {
            if (vni.test(row.vni())) {
                any[0] = true;
                last[0] = Math.max(last[0], row.lastSeenNanos());
            }
        });
        return any[0] ? OptionalLong.of(last[0]) : OptionalLong.empty();
    }

    /** The same as objects. */
    public Map<PeerKey, Peer> toMap() {
        Map<PeerKey, Peer> map = new LinkedHashMap<>();
        forEach(row -> map.put(row.key(), row.peer()));
        return map;
    }
}
