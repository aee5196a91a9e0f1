// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.csumbpf.maps.PeerRow;
import org.csumbpf.maps.PeerTable;

/**
 * Peers added up over their destinations, by VNI and source. A column for each member and no object for each sender,
 * because there may be 65,536 and more. A hash with linear probing finds a sender.
 */
final class Senders {
    /** So that nobody can choose addresses that collide. */
    private static final long SEED = new SplittableRandom().nextLong();

    /** One more than the sender's index; 0: free. Its length is a power of two. */
    private final int[] slots;

    private final int[] vnis;
    private final long[] sourceHighs;
    private final long[] sourceLows;
    private final long[] packets;
    private final long[] bytes;
    private final long[] bad;
    private final long[] lastSeen;
    private int size;

    Senders(PeerTable peers) {
        int most = peers.size();
        slots = new int[Math.max(2, Integer.highestOneBit(most) * 4)];
        vnis = new int[most];
        sourceHighs = new long[most];
        sourceLows = new long[most];
        packets = new long[most];
        bytes = new long[most];
        bad = new long[most];
        lastSeen = new long[most];
        peers.forEach(this::add);
    }

    private void add(PeerRow peer) {
        int sender = find(peer.vni(), peer.sourceHigh(), peer.sourceLow());
        packets[sender] += peer.packets();
        bytes[sender] += peer.bytes();
        bad[sender] += peer.bad();
        lastSeen[sender] = Math.max(lastSeen[sender], peer.lastSeenNanos());
    }

    private int find(int vni, long high, long low) {
        int slot = (int) mix(mix(mix(SEED ^ high) ^ low) ^ vni) & (slots.length - 1);
        for (; slots[slot] != 0; slot = (slot + 1) & (slots.length - 1)) {
            int sender = slots[slot] - 1;
            if (vnis[sender] == vni && sourceHighs[sender] == high && sourceLows[sender] == low) {
                return sender;
            }
        }
        vnis[size] = vni;
        sourceHighs[size] = high;
        sourceLows[size] = low;
        slots[slot] = size + 1;
        return size++;
    }

    /** The finalizer of MurmurHash3: each bit of the input changes half of the output's. */
    private static long mix(long number) {
        long mixed = (number ^ number >>> 33) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ mixed >>> 33) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ mixed >>> 33;
    }

    int size() {
        return size;
    }

    /**
     * The senders with the most packets, in no order.
     *
     * @param most how many at the most; of senders with as many packets as the last, any
     */
    int[] top(int most) {
        if (size <= most) {
            int[] all = new int[size];
            Arrays.setAll(all, i -> i);
            return all;
        }
        long[] sorted = Arrays.copyOf(packets, size);
        Arrays.sort(sorted);
        long least = sorted[size - most];
        int equal = 0; // senders among the chosen that have just the least
        while (equal < most && sorted[size - most + equal] == least) {
            equal++;
        }
        int[] chosen = new int[most];
        int count = 0;
        for (int sender = 0; sender < size; sender++) {
            if (packets[sender] > least || packets[sender] == least && equal-- > 0) {
                chosen[count++] = sender;
            }
        }
        return chosen;
    }

    int vni(int sender) {
        return vnis[sender];
    }

    InetAddress source(int sender) {
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

    long packets(int sender) {
        return packets[sender];
    }

    long bytes(int sender) {
        return bytes[sender];
    }

    long bad(int sender) {
        return bad[sender];
    }

    /** CLOCK_MONOTONIC, nanoseconds. */
    long lastSeenNanos(int sender) {
        return lastSeen[sender];
    }
}
