// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.csumbpf.maps.BpfMap;
import org.csumbpf.maps.Codecs;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Reads the peers of this host's kernel in batches, also while they change. */
@Tag("root")
class PeersReadTest {
    private CsumbpfObject object;
    private CsumbpfMaps maps;
    private BpfMap<PeerKey, Peer> peers;

    @BeforeEach
    void load() {
        object = CsumbpfObject.open();
        maps = object.load();
        peers = BpfMap.shared(maps.raw("peers"), Codecs.PEER_KEY, Codecs.PEER);
    }

    @AfterEach
    void close() {
        maps.close();
        object.close();
    }

    /** Of three peers two have the same sender. IPv4 and IPv6 take turns. */
    private static PeerKey key(int number) {
        int sender = number - number % 3 / 2;
        String source = sender % 2 == 0
                ? "10." + (sender >> 16) + "." + (sender >> 8 & 255) + "." + (sender & 255)
                : "2001:db8::" + Integer.toHexString(sender >> 16) + ":" + Integer.toHexString(sender & 0xffff);
        String destination = sender == number ? "192.0.2.1" : "192.0.2.2";
        return new PeerKey(new Vni(4109 + sender % 5), address(source), address(destination));
    }

    private static InetAddress address(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static Peer peer(int number) {
        return new Peer(1 + number * 7919L % 1000, number, number % 4, 10 + number, 5, 0, Peer.DELTA_NONE, true);
    }

    private void put(int from, int to) {
        for (int number = from; number < to; number++) {
            peers.put(key(number), peer(number));
        }
    }

    private record Sender(int vni, InetAddress source) {}

    private static Map<Sender, Peer> addedUp(Map<PeerKey, Peer> each) {
        Map<Sender, Peer> sums = new HashMap<>();
        each.forEach((key, peer) -> sums.merge(new Sender(key.vni().value(), key.source()), peer, Peer::plus));
        return sums;
    }

    @Test
    void batchesHoldWhatEachLookUpGives() {
        for (int count : new int[] {0, 1, 3, 64, 65, 255, 256, 257, 4096, 20_000}) {
            put(0, count);
            Map<PeerKey, Peer> each = maps.peers().toMap();
            assertThat(each).hasSize(count).isEqualTo(peers.entries());
            for (int number = 0; number < count; number++) {
                assertThat(each.get(key(number)))
                        .isEqualTo(peers.get(key(number)).orElseThrow());
            }
            assertThat(maps.peers().size()).isEqualTo(count);
            assertThat(maps.peers().lastSeenNanos(vni -> vni == 4109))
                    .isEqualTo(each.entrySet().stream()
                            .filter(peer -> peer.getKey().vni().value() == 4109)
                            .mapToLong(peer -> peer.getValue().lastSeenNanos())
                            .max());

            Senders senders = maps.senders();
            Map<Sender, Peer> sums = addedUp(each);
            assertThat(senders.peers()).isEqualTo(count);
            assertThat(senders.size()).isEqualTo(sums.size());
            for (int sender = 0; sender < senders.size(); sender++) {
                Peer sum = sums.get(new Sender(senders.vni(sender), senders.source(sender)));
                assertThat(List.of(
                                senders.packets(sender),
                                senders.bytes(sender),
                                senders.bad(sender),
                                senders.lastSeenNanos(sender)))
                        .containsExactly(sum.packets(), sum.bytes(), sum.bad(), sum.lastSeenNanos());
            }
            assertThat(senders.lastSeenNanos())
                    .isEqualTo(each.values().stream()
                            .mapToLong(Peer::lastSeenNanos)
                            .max());
        }
    }

    /** Many have as many packets as the last that is chosen. */
    @Test
    void theTopSendersAreThoseWithTheMostPackets() {
        put(0, 5000);
        Senders senders = maps.senders();
        long[] sorted = addedUp(maps.peers().toMap()).values().stream()
                .mapToLong(Peer::packets)
                .sorted()
                .toArray();
        for (int wanted : new int[] {0, 1, 10, 1000, senders.size() - 1, senders.size(), 100_000}) {
            int[] top = senders.top(wanted);
            int most = Math.min(wanted, senders.size());
            assertThat(Arrays.stream(top).distinct().count()).isEqualTo(most);
            assertThat(Arrays.stream(top).mapToLong(senders::packets).sorted().toArray())
                    .isEqualTo(Arrays.copyOfRange(sorted, sorted.length - most, sorted.length));
        }
    }

    /** Peers come, change and go; those that nobody touches are read each time, once. */
    @Test
    void changesWhileItReadsCostNoOtherPeer() throws InterruptedException {
        int kept = 3000;
        put(0, kept);
        Set<PeerKey> untouched = new HashSet<>();
        for (int number = 0; number < kept; number++) {
            untouched.add(key(number));
        }
        AtomicBoolean end = new AtomicBoolean();
        Thread writer = new Thread(() -> {
            // Buffers of a BpfMap are for one thread.
            BpfMap<PeerKey, Peer> own = BpfMap.shared(maps.raw("peers"), Codecs.PEER_KEY, Codecs.PEER);
            for (int number = kept; !end.get(); number = number == 3 * kept ? kept : number + 1) {
                own.put(key(number), peer(number));
                own.remove(key(number % 2 == 0 ? number : number / 2 + kept));
            }
        });
        writer.start();
        try {
            for (int round = 0; round < 100; round++) {
                Map<PeerKey, Peer> read = new HashMap<>();
                maps.peers()
                        .forEach(row -> assertThat(read.put(row.key(), row.peer()))
                                .as("read twice")
                                .isNull());
                assertThat(read.keySet().containsAll(untouched)).isTrue(); // AssertJ compares each with each
                assertThat(maps.senders().peers()).isGreaterThanOrEqualTo(kept);
            }
        } finally {
            end.set(true);
            writer.join();
        }
    }

    @Test
    void aMapThatIsEmptiedWhileItIsReadEndsTheReading() throws InterruptedException {
        for (int round = 0; round < 10; round++) {
            put(0, 5000);
            Thread emptier = new Thread(() -> {
                BpfMap<PeerKey, Peer> own = BpfMap.shared(maps.raw("peers"), Codecs.PEER_KEY, Codecs.PEER);
                for (int number = 0; number < 5000; number++) {
                    own.remove(key(number));
                }
            });
            emptier.start();
            int last;
            do {
                last = maps.peers().size();
                assertThat(last).isBetween(0, 5000);
                assertThat(maps.senders().peers()).isBetween(0, last);
            } while (last > 0);
            emptier.join();
            assertThat(maps.peers().toMap()).isEmpty();
            assertThat(maps.senders().size()).isZero();
        }
    }
}
