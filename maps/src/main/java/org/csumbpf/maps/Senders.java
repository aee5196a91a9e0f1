// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import org.csumbpf.loader.RawMap;

/**
 * The peers of an attachment at one time, added up over their destinations: by VNI and source. A column for each member
 * and no object for each sender, because there may be 65,536 and more; then it takes 5 MB. A hash with linear probing
 * finds a sender.
 */
public final class Senders {
    public static final Senders NONE = new Senders(0);

    private static final int ROOM = 64;
    /** So that nobody can choose addresses that collide. */
    private static final long SEED = new SplittableRandom().nextLong();

    private final int most;
    /** One more than the sender's index; 0: free. Its length is a power of two, at least twice the senders. */
    private int[] slots;

    private int[] vnis;
    private long[] sourceHighs;
    private long[] sourceLows;
    private long[] packets;
    private long[] bytes;
    private long[] bad;
    private long[] lastSeen;
    private int size;
    private int peers;

    private Senders(int most) {
        this.most = most;
        int room = Math.min(most, ROOM);
        slots = new int[2 * ROOM];
        vnis = new int[room];
        sourceHighs = new long[room];
        sourceLows = new long[room];
        packets = new long[room];
        bytes = new long[room];
        bad = new long[room];
        lastSeen = new long[room];
    }

    /** Reads all peers. One that is added or removed meanwhile may be missing; any other is there, once. */
    static Senders read(RawMap map) {
        Senders senders = new Senders(map.info().maxEntries());
        PeerRow row = new PeerRow();
        map.forEach((keys, keyBase, values, valueBase) -> {
            row.moveTo(keys, keyBase, values, valueBase);
            senders.add(row);
        });
        return senders;
    }

    /** The peers that were added up: those of {@link PeerTable}. */
    public int peers() {
        return peers;
    }

    /** Senders have the indices from 0 on. */
    public int size() {
        return size;
    }

    /** As in the packet: 0 to 2^24 - 1. */
    public int vni(int sender) {
        return vnis[sender];
    }

    /** Outer source address. */
    public InetAddress source(int sender) {
        byte[] address = new byte[2 * Long.BYTES];
        ByteBuffer.wrap(address)
                .order(ByteOrder.nativeOrder())
                .putLong(sourceHighs[sender])
                .putLong(sourceLows[sender]);
        try {
            return InetAddress.getByAddress(address);
        } catch (UnknownHostException e) {
            throw new AssertionError("16 bytes are an address", e);
        }
    }

    /** As {@link Peer#packets}. */
    public long packets(int sender) {
        return packets[sender];
    }

    /** As {@link Peer#bytes}. */
    public long bytes(int sender) {
        return bytes[sender];
    }

    /** As {@link Peer#bad}. */
    public long bad(int sender) {
        return bad[sender];
    }

    /** CLOCK_MONOTONIC, nanoseconds, to the jiffy. */
    public long lastSeenNanos(int sender) {
        return lastSeen[sender];
    }

    /** When the last packet of all came, likewise. Empty: there is no sender. */
    public OptionalLong lastSeenNanos() {
        return Arrays.stream(lastSeen, 0, size).max();
    }

    /**
     * The indices of the senders with the most packets, in no order.
     *
     * @param wanted how many, at the most; of senders with as many packets as the last, any
     */
    public int[] top(int wanted) {
        if (size <= wanted) {
            int[] all = new int[size];
            Arrays.setAll(all, i -> i);
            return all;
        }
        int[] chosen = new int[wanted];
        if (wanted == 0) {
            return chosen;
        }
        long[] sorted = Arrays.copyOf(packets, size);
        Arrays.sort(sorted);
        long least = sorted[size - wanted];
        int equal = 0; // senders among the chosen that have just the least
        while (equal < wanted && sorted[size - wanted + equal] == least) {
            equal++;
        }
        int count = 0;
        for (int sender = 0; sender < size; sender++) {
            if (packets[sender] > least || packets[sender] == least && equal-- > 0) {
                chosen[count++] = sender;
            }
        }
        return chosen;
    }

    void add(PeerRow peer) {
        peers++;
        int sender = find(peer.vni(), peer.sourceHigh(), peer.sourceLow());
        packets[sender] += peer.packets();
        bytes[sender] += peer.bytes();
        bad[sender] += peer.bad();
        lastSeen[sender] = Math.max(lastSeen[sender], peer.lastSeenNanos());
    }

    /** The sender's index. A new one gets the next. */
    private int find(int vni, long high, long low) {
        int slot = slot(vni, high, low);
        for (; slots[slot] != 0; slot = (slot + 1) & (slots.length - 1)) {
            int sender = slots[slot] - 1;
            if (vnis[sender] == vni && sourceHighs[sender] == high && sourceLows[sender] == low) {
                return sender;
            }
        }
        if (size == vnis.length) {
            grow();
            return find(vni, high, low);
        }
        vnis[size] = vni;
        sourceHighs[size] = high;
        sourceLows[size] = low;
        slots[slot] = size + 1;
        return size++;
    }

    private void grow() {
        // The kernel has no more entries than it says, so the last array is not twice as large as need be.
        int room = size < most ? Math.min(most, 2 * size) : 2 * size;
        vnis = Arrays.copyOf(vnis, room);
        sourceHighs = Arrays.copyOf(sourceHighs, room);
        sourceLows = Arrays.copyOf(sourceLows, room);
        packets = Arrays.copyOf(packets, room);
        bytes = Arrays.copyOf(bytes, room);
        bad = Arrays.copyOf(bad, room);
        lastSeen = Arrays.copyOf(lastSeen, room);
        slots = new int[2 * slots.length];
        for (int sender = 0; sender < size; sender++) {
            int slot = slot(vnis[sender], sourceHighs[sender], sourceLows[sender]);
            while (slots[slot] != 0) {
                slot = (slot + 1) & (slots.length - 1);
            }
            slots[slot] = sender + 1;
        }
    }

    private int slot(int vni, long high, long low) {
        return (int) mix(mix(mix(SEED ^ high) ^ low) ^ vni) & (slots.length - 1);
    }

    /** The finalizer of MurmurHash3: each bit of the input changes half of the output's. */
    private static long mix(long number) {
        long mixed = (number ^ number >>> 33) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ mixed >>> 33) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ mixed >>> 33;
    }
}
