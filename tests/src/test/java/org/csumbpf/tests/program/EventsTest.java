// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.List;
import org.csumbpf.maps.Event;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;
import org.csumbpf.tests.lab.Limit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The program's events, by packets in test runs, read from the real ring buffer. */
@Tag("root")
class EventsTest {
    private static final int UDP_CHECKSUM_AT = 14 + 20 + 6;
    private static final int SOURCE_AT = 14 + 12;
    /** {@code CSUMBPF_EVENTS_IN_WINDOW}. */
    private static final int IN_WINDOW = 8;

    private LoadedProgram program;

    @BeforeEach
    void load() {
        program = new LoadedProgram();
    }

    @AfterEach
    void unload() {
        program.close();
    }

    @Test
    void aPeersFirstWrongChecksumIsReportedOnce() throws Exception {
        for (String mode : List.of("zero", "recompute", "observe", "auto", "adjust")) {
            program.rules(Rules.parse("4109 " + mode + " unverified", 4789));
            program.forgetPeers();
            byte[] good = packet();
            run(good);
            assertThat(program.events()).as("mode %s, good", mode).isEmpty();
            Peer peer = program.peers().values().iterator().next();
            assertThat(peer.delta()).isEqualTo(Peer.DELTA_NONE);
        }
        program.forgetPeers();
        byte[] bad = damaged(0x1234);
        int delta = Model.predict(bad, 0, Rules.parse("4109 observe unverified", 4789))
                .delta();
        run(bad);
        run(bad);
        assertThat(program.events())
                .usingRecursiveFieldByFieldElementComparatorIgnoringFields("timeNanos")
                .containsExactly(new Event(
                        EventType.BAD_CHECKSUM,
                        0,
                        new PeerKey(
                                new Vni(4109),
                                InetAddress.getByName("198.51.100.7"),
                                InetAddress.getByName("10.99.0.2")),
                        0,
                        Peer.DELTA_UNKNOWN,
                        delta));
    }

    @Test
    void aMappingThatChangedIsReportedWhenTwoMorePacketsConfirmIt() {
        program.rules(Rules.parse("4109 zero unverified", 4789));
        byte[] first = damaged(0x1234);
        byte[] other = damaged(0x4321);
        run(first);
        assertThat(types()).containsExactly(EventType.BAD_CHECKSUM);

        run(other);
        assertThat(types()).as("mode zero checked it not long ago").isEmpty();

        program.rules(Rules.parse("4109 recompute unverified", 4789));
        run(other);
        run(other);
        run(first);
        run(other);
        run(other);
        assertThat(types()).as("stray ones").isEmpty();
        run(other);
        List<Event> events = program.events();
        assertThat(events).extracting(Event::type).containsExactly(EventType.MAPPING_CHANGED);
        Rules rules = Rules.parse("4109 recompute unverified", 4789);
        assertThat(events.get(0).deltaBefore())
                .isEqualTo(Model.predict(first, 0, rules).delta());
        assertThat(events.get(0).delta())
                .isEqualTo(Model.predict(other, 0, rules).delta());
        run(other);
        assertThat(types()).isEmpty();

        run(packet());
        run(packet());
        run(packet());
        events = program.events();
        assertThat(events).extracting(Event::type).containsExactly(EventType.MAPPING_CHANGED);
        assertThat(events.get(0).delta()).as("no NAT any more").isEqualTo(Peer.DELTA_NONE);
    }

    @Test
    void plaintextIsReportedOnceForASourceAndAVni() {
        program.rules(Rules.parse("4109 zero", 4789));
        run(packet());
        run(packet());
        assertThat(types()).containsExactly(EventType.PLAINTEXT);
        run(from(9));
        assertThat(program.events())
                .extracting(e -> e.peer().source().getHostAddress())
                .containsExactly("198.51.100.9");
        assertThat(program.eventsLost().get(EventType.PLAINTEXT)).isZero();
    }

    /**
     * A flood of equal packets is one event, and none is lost. All packets are counted, and other events are still
     * reported.
     */
    @Test
    void aFloodOfAMillionPacketsIsOneEvent() {
        program.rules(Rules.parse("4109 zero; 4110 observe unverified", 4789));
        program.measure(packet(), 1_000_000);

        List<Event> events = program.events();
        assertThat(events).extracting(Event::type).containsOnly(EventType.PLAINTEXT);
        assertThat(events).as("the same is reported once").hasSize(1);
        assertThat(program.eventsLost().get(EventType.PLAINTEXT)).isZero();
        assertThat(program.counts().get("4109 plaintext").packets()).isEqualTo(1_000_000);

        byte[] other = damaged(0x1234);
        other[14 + 20 + 8 + 6] = 0x0e; // VNI 4110
        run(other);
        assertThat(types()).containsExactly(EventType.BAD_CHECKSUM);
    }

    /** Repetitions take no event from others, however many peers send them. */
    @Test
    void peersThatGoOnKeepNobodysEventBack() {
        program.rules(Rules.parse("4109 zero", 4789));
        for (int peer = 0; peer < IN_WINDOW; peer++) {
            run(from(peer));
        }
        assertThat(program.events()).hasSize(IN_WINDOW);
        Limit.pause(2600); // another window of the rate limit, at 100 Hz too
        for (int i = 0; i < 200; i++) {
            run(from(i % IN_WINDOW));
        }
        run(from(100));
        assertThat(program.events())
                .extracting(e -> e.peer().source().getHostAddress())
                .containsExactly("198.51.100.100");
        assertThat(program.eventsLost().get(EventType.PLAINTEXT)).isZero();
    }

    /** An event that the limit holds back is counted once in a window (on each CPU), and reported in the next one. */
    @Test
    void whatIsHeldBackIsCountedOnceAndReportedLater() {
        program.rules(Rules.parse("4109 zero", 4789));
        Limit.pause(2600); // the first packet begins a window of the rate limit, at 100 Hz too
        for (int peer = 0; peer < IN_WINDOW; peer++) {
            run(from(peer));
        }
        program.measure(from(100), 1000); // all on one CPU, within a millisecond
        assertThat(program.eventsLost().get(EventType.PLAINTEXT)).isEqualTo(1);
        assertThat(program.events()).hasSize(IN_WINDOW);
        Limit.pause(2600);
        run(from(100));
        assertThat(program.events())
                .extracting(e -> e.peer().source().getHostAddress())
                .containsExactly("198.51.100.100");
    }

    @Test
    void aFloodFromManySourcesReportsNoMoreThanTheLimit() {
        program.rules(Rules.parse("4109 zero", 4789));
        byte[] frame = packet();
        long begun = System.nanoTime();
        for (int i = 0; i < 5000; i++) {
            frame[SOURCE_AT] = (byte) (i >> 8);
            frame[SOURCE_AT + 1] = (byte) i;
            run(frame);
        }
        double windows = 1 + (System.nanoTime() - begun) / 1e9 * 1000 / 256;
        int reported = program.events().size();
        assertThat(reported).isBetween(1, (int) (IN_WINDOW * windows) + IN_WINDOW);
        assertThat(program.eventsLost().get(EventType.PLAINTEXT)).isEqualTo(5000 - reported);
    }

    /** Without a reader the ring buffer fills up. The oldest events stay, and those that do not fit are counted. */
    @Test
    void aFullRingBufferKeepsTheOldestEvents() {
        try (LoadedProgram small = new LoadedProgram(4096)) {
            int room = 4096 / (56 + 8) - 1; // each event has a header; the last byte stays free
            small.rules(Rules.parse("4109 observe unverified", 4789));
            int source = 0;
            int reported = 0;
            for (long end = System.nanoTime() + Limit.seconds(60).toNanos(); reported < room; source++) {
                assertThat(System.nanoTime()).as("time for %d events", room).isLessThan(end);
                long before = small.eventsLost().get(EventType.BAD_CHECKSUM);
                small.run(strange(source), 0);
                if (small.eventsLost().get(EventType.BAD_CHECKSUM) == before) {
                    reported++;
                } else {
                    Limit.pause(50); // until the next window of the rate limit
                }
            }
            Limit.pause(2600); // another window of the rate limit, at 100 Hz too
            long before = small.eventsLost().get(EventType.BAD_CHECKSUM);
            small.run(strange(source), 0);
            assertThat(small.eventsLost().get(EventType.BAD_CHECKSUM)).isEqualTo(before + 1);

            List<Event> events = small.events();
            assertThat(events).hasSize(room);
            assertThat(events.get(0).peer().source().getHostAddress()).isEqualTo("198.51.0.0");
            Limit.pause(2600); // another window again
            small.run(strange(source + 1), 0);
            assertThat(small.events()).as("there is room again").hasSize(1);
        }
    }

    private static byte[] strange(int source) {
        byte[] frame = damaged(0x1234);
        frame[SOURCE_AT + 2] = (byte) (source >> 8);
        frame[SOURCE_AT + 3] = (byte) source;
        return frame;
    }

    private List<EventType> types() {
        return program.events().stream().map(Event::type).toList();
    }

    private void run(byte[] frame) {
        program.run(frame.clone(), 0);
    }

    private static byte[] packet() {
        return PacketCase.all().stream()
                .filter(c -> c.name().equals("ipv4 observe, right checksum"))
                .findFirst()
                .orElseThrow()
                .in()
                .clone();
    }

    private static byte[] damaged(int by) {
        byte[] frame = packet();
        frame[UDP_CHECKSUM_AT] ^= (byte) (by >> 8);
        frame[UDP_CHECKSUM_AT + 1] ^= (byte) by;
        return frame;
    }

    private static byte[] from(int lastByte) {
        byte[] frame = packet();
        frame[SOURCE_AT + 3] = (byte) lastByte;
        return frame;
    }
}
