// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.csumbpf.loader.TestRun;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Peer;
import org.csumbpf.tests.lab.Limit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mode adjust, by packets in test runs: what it learns, what it repairs, and what it leaves corrupt. */
@Tag("root")
class AdjustTest {
    private static final int ETH_HLEN = 14;
    /** {@code CSUMBPF_AGREED}. */
    private static final int AGREED = 4;
    /** {@code CSUMBPF_CHANGED}. */
    private static final int CHANGED = 3;
    /**
     * Nanoseconds, less than CSUMBPF_VERIFY_JIFFIES at 250 Hz. After that time a packet is verified whatever its
     * number.
     */
    private static final long UNHURRIED_NANOS = 700_000_000;

    private static final int NAT = 0x1234;

    private final long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private LoadedProgram program;

    @BeforeEach
    void load() {
        program = new LoadedProgram();
    }

    @AfterEach
    void unload() {
        program.close();
    }

    /** What the program must know of one peer, written from the description in bpf/csumbpf.h. */
    private static final class Known {
        final int verify;
        int delta;
        int candidate;
        int agreed;
        int seen;
        boolean learned;
        int unverified;

        Known(int verify) {
            this.verify = verify;
        }

        /** The outcome of the next packet, which has this sum. */
        String next(int sum) {
            if (agreed == AGREED && ++unverified < verify) {
                return delta == Peer.DELTA_NONE ? "good" : "adjusted";
            }
            unverified = 0;
            if (delta == 0 || sum == delta) {
                delta = sum;
                candidate = 0;
                seen = 0;
                agreed = Math.min(AGREED, agreed + 1);
                learned |= agreed == AGREED;
            } else {
                seen = sum == candidate ? seen + 1 : 1;
                candidate = sum;
                agreed = 0;
                if (seen == CHANGED) {
                    delta = sum;
                    agreed = CHANGED;
                    candidate = 0;
                    seen = 0;
                }
            }
            if (sum == Peer.DELTA_NONE) {
                return "good";
            }
            return learned && sum != delta ? "corrupt" : "repaired";
        }
    }

    /** Compares sequences of right, damaged and differently translated packets with the description. */
    @ParameterizedTest
    @CsvSource({"ipv4 observe, 1", "ipv4 observe, 2", "ipv4 observe, 5", "ipv6 recompute, 3"})
    void learnsAsDescribed(String base, int verify) {
        rules("4109 adjust unverified verify=" + verify);
        Frame frame = new Frame(base + ", right checksum");
        int[] sums = {NAT, 0xfeed, 0x0001, Peer.DELTA_NONE};
        int corrupt = 0;
        for (int round = 0; round < 200; round++) {
            program.forgetPeers();
            Known known = new Known(verify);
            List<String> story = new ArrayList<>();
            long began = System.nanoTime();
            int run = 0;
            int sum = NAT;
            for (int i = 0; i < 40; i++) {
                if (run-- <= 0) { // a run of equal sums, so that packets can agree
                    sum = sums[random.nextInt(sums.length)];
                    run = random.nextInt(8);
                }
                byte[] in = frame.withSum(random.nextInt(5) == 0 ? 1 + random.nextInt(0xfffe) : sum);
                String expected = known.next(frame.sum(in));
                byte[] out = run(in);
                story.add(String.format("%04x %s", frame.sum(in), expected));
                if (System.nanoTime() - began > UNHURRIED_NANOS) {
                    // On a busy machine this packet may have been verified, and counted, before its turn.
                    long late = counts("corrupt") - corrupt;
                    assertThat(late).isBetween(0L, 1L);
                    corrupt += (int) late;
                    break;
                }
                assertThat(out)
                        .as("seed %d, verify 1 in %d: %s", seed, verify, story)
                        .isEqualTo(frame.after(expected, in, known.delta));
                corrupt += expected.equals("corrupt") ? 1 : 0;
            }
        }
        assertThat(corrupt).isPositive();
        assertThat(counts("corrupt")).isEqualTo(corrupt);
    }

    /**
     * One packet in a hundred is damaged before it is encrypted. Once the delta is trusted, none of them is made
     * acceptable.
     */
    @ParameterizedTest
    @CsvSource({"1", "64"})
    void corruptionIsNotRepaired(int verify) {
        rules("4109 adjust unverified verify=" + verify);
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int i = 0; i < AGREED; i++) {
            run(frame.withSum(NAT));
        }
        int damaged = 0;
        int lost = 0;
        for (int i = 0; i < 20_000; i++) {
            boolean damage = random.nextInt(100) == 0;
            byte[] in = frame.withSum(NAT);
            if (damage) {
                in[in.length - 1 - random.nextInt(40)] ^= (byte) (1 << random.nextInt(8));
                damaged++;
            }
            byte[] out = run(in);
            boolean accepted = frame.sum(out) == 0xffff;
            assertThat(accepted && damage).as("seed %d, packet %d", seed, i).isFalse();
            lost += accepted || damage ? 0 : 1;
        }
        assertThat(damaged).isBetween(100, 300);
        assertThat(lost).as("what is sound gets through").isZero();
        long corrupt = counts("corrupt");
        if (verify == 1) {
            assertThat(corrupt).isEqualTo(damaged);
        } else {
            assertThat(corrupt).isBetween(0L, (long) damaged);
        }
        System.out.printf(
                "adjust, verify 1 in %d: %d of 20000 packets damaged, none accepted, %d found out by tc itself%n",
                verify, damaged, corrupt);
    }

    /** The address moves to another host with the same SA. The loss until that is noticed is bounded. */
    @ParameterizedTest
    @CsvSource({"1", "64"})
    void aMappingThatChangesIsLearnedAnew(int verify) {
        rules("4109 adjust unverified verify=" + verify);
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int i = 0; i < 200; i++) {
            run(frame.withSum(NAT));
        }
        int lost = 0;
        for (int i = 0; i < 200; i++) {
            lost += frame.sum(run(frame.withSum(0xbeef))) == 0xffff ? 0 : 1;
        }
        assertThat(lost).isLessThanOrEqualTo(verify - 1 + CHANGED - 1);
        assertThat(counts("corrupt")).isEqualTo(CHANGED - 1);
        assertThat(program.events()).extracting(e -> e.type().label()).contains("mapping_changed");
    }

    /** A packet is verified if none was for a second, so a changed mapping of a quiet peer is noticed soon, too. */
    @Test
    void aQuietPeerIsVerifiedByTime() {
        rules("4109 adjust unverified verify=65535");
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int i = 0; i < AGREED; i++) {
            run(frame.withSum(NAT));
        }
        Limit.pause(2700); // CSUMBPF_VERIFY_JIFFIES at 100 Hz; the test is about this time
        run(frame.withSum(0xbeef));
        assertThat(counts("corrupt")).isEqualTo(1);
    }

    /** If NAT changes nothing, packets are not written and checksums not computed. */
    @Test
    void withoutNatNothingIsWritten() {
        rules("4109 adjust unverified verify=65535");
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int i = 0; i < AGREED + 5; i++) {
            byte[] in = frame.withSum(Peer.DELTA_NONE);
            assertThat(run(in)).isEqualTo(in);
        }
        byte[] damaged = frame.withSum(NAT);
        assertThat(run(damaged))
                .as("not checked, so not counted; the kernel does")
                .isEqualTo(damaged);
        assertThat(program.counts().keySet()).containsExactly("4109 good");
    }

    /** The two forms of zero: a checksum field of 0xffff, and a checksum that would become 0. */
    @Test
    void aChecksumNeverBecomesNone() {
        rules("4109 adjust unverified verify=65535");
        Frame frame = new Frame("ipv4 observe, right checksum");
        byte[] in = frame.withSum(Peer.DELTA_NONE);
        // Adjusts the last two bytes of the payload, so that the right checksum is 0xffff.
        int right = frame.checksum(in);
        int last = Words.get(in, in.length - 2);
        Words.put(in, in.length - 2, Words.add(last, right));
        frame = new Frame(in);
        assertThat(frame.checksum(frame.withSum(Peer.DELTA_NONE))).isEqualTo(0xffff);
        for (int i = 0; i < AGREED + 1; i++) {
            byte[] out = run(frame.withSum(NAT));
            assertThat(frame.checksum(out)).isEqualTo(0xffff);
        }
        assertThat(program.peers().values()).allMatch(Peer::trusted);
    }

    @Test
    void remembersAll65536Peers() {
        rules("4109 adjust unverified verify=65535");
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int round = 0; round < AGREED; round++) {
            for (int peer = 0; peer < 65536; peer++) {
                run(frame.from(peer, NAT));
            }
        }
        Map<?, Peer> peers = program.peers();
        assertThat(peers).hasSize(65536);
        assertThat(peers.values()).allMatch(Peer::trusted).allMatch(peer -> peer.packets() == AGREED);
        // Peers beyond the capacity evict others, and are repaired.
        for (int peer = 65536; peer < 3 * 65536; peer++) {
            byte[] out = run(frame.from(peer, NAT));
            assertThat(frame.sum(out)).isEqualTo(0xffff);
        }
        assertThat(program.peers()).hasSizeBetween(65536, 65536 + 65536 / 16);
    }

    /** Other modes learn, too, and what they learned is used when the mode changes to adjust. */
    @Test
    void otherModesLearnToo() {
        rules("4109 recompute unverified");
        Frame frame = new Frame("ipv4 observe, right checksum");
        for (int i = 0; i < AGREED; i++) {
            run(frame.withSum(NAT));
        }
        rules("4109 adjust unverified verify=1");
        byte[] damaged = frame.withSum(0x4242);
        assertThat(run(damaged)).isEqualTo(damaged);
        assertThat(counts("corrupt")).isEqualTo(1);
    }

    private void rules(String text) {
        program.rules(Rules.parse(text, 4789));
    }

    private byte[] run(byte[] in) {
        TestRun run = program.run(in, 0);
        assertThat(run.verdict()).isEqualTo(Model.TC_ACT_UNSPEC);
        return run.packet();
    }

    private long counts(String outcome) {
        return program.counts().getOrDefault("4109 " + outcome, Count.NONE).packets();
    }

    /** A packet whose checksum can be set to any sum. */
    private static final class Frame {
        private final byte[] right;
        private final boolean ipv6;
        private final int addresses;
        private final int udp;

        Frame(String name) {
            this(PacketCase.all().stream()
                    .filter(c -> c.name().equals(name))
                    .findFirst()
                    .orElseThrow()
                    .in());
        }

        Frame(byte[] like) {
            right = like.clone();
            ipv6 = right[12] != 8;
            addresses = ETH_HLEN + (ipv6 ? 8 : 12);
            udp = ETH_HLEN + (ipv6 ? 40 : 20);
            Words.put(right, udp + 6, expected(right));
        }

        private int expected(byte[] frame) {
            return Oracle.udpChecksum(frame, ipv6, addresses, udp, Words.get(frame, udp + 4));
        }

        int checksum(byte[] frame) {
            return Words.get(frame, udp + 6);
        }

        /** The sum over pseudo-header and datagram. */
        int sum(byte[] frame) {
            return Words.add(checksum(frame), ~expected(frame) & 0xffff);
        }

        byte[] withSum(int sum) {
            byte[] frame = right.clone();
            int checksum = Words.add(checksum(frame), sum);
            Words.put(frame, udp + 6, checksum == 0 ? 0xffff : checksum);
            return frame;
        }

        /** The frame with another source address. */
        byte[] from(int peer, int sum) {
            byte[] frame = right.clone();
            Words.put(frame, addresses, 0x0a00 + (peer >> 16));
            Words.put(frame, addresses + 2, peer & 0xffff);
            int checksum = Words.add(expected(frame), sum);
            Words.put(frame, udp + 6, checksum == 0 ? 0xffff : checksum);
            return frame;
        }

        /** The frame that must come out. */
        byte[] after(String outcome, byte[] in, int delta) {
            byte[] out = Arrays.copyOf(in, in.length);
            switch (outcome) {
                case "repaired" -> Words.put(out, udp + 6, expected(in));
                case "adjusted" -> {
                    int checksum = ~Words.add(delta, ~checksum(in) & 0xffff) & 0xffff;
                    Words.put(out, udp + 6, checksum == 0 ? 0xffff : checksum);
                }
                default -> {}
            }
            return out;
        }
    }
}
