// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.TestRun;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs the program on mutated packets. Without a rule or a proof no packet is changed; a changed packet has a checksum
 * that the oracle accepts; and everything is counted as the model predicts.
 */
@Tag("root")
class FuzzTest {
    private static final int PACKETS = Integer.getInteger("csumbpf.fuzz.count", 120_000);
    private static final int PACKETS_PER_RULES = 200;

    /**
     * The number of parallel fuzzers, each with its own program and random numbers. Fixed, so that a seed means the
     * same on every machine.
     */
    private static final int FUZZERS = 2;

    private static final List<byte[]> CORPUS = PacketCase.all().stream()
            .filter(PacketCase::fitsTestRun)
            .map(PacketCase::in)
            .toList();

    @Test
    void nothingIsTouchedThatMustNotBe() {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        System.out.println("fuzz: seed " + seed + ", again with -Dcsumbpf.fuzz.seed=" + seed);
        List<CompletableFuture<Fuzzer>> running = new ArrayList<>();
        for (int i = 0; i < FUZZERS; i++) {
            Fuzzer fuzzer = new Fuzzer(seed, i);
            running.add(CompletableFuture.supplyAsync(() -> fuzzer.run(PACKETS / FUZZERS)));
        }
        Map<String, Integer> seen = new HashMap<>();
        int changed = 0;
        int refused = 0;
        for (CompletableFuture<Fuzzer> ended : running) {
            Fuzzer fuzzer = ended.join();
            changed += fuzzer.changed;
            refused += fuzzer.refused;
            fuzzer.seen.forEach((label, packets) -> seen.merge(label, packets, Integer::sum));
        }
        System.out.println(
                "fuzz: " + PACKETS + " packets, " + changed + " changed, " + refused + " refused, outcomes " + seen);
        assertThat(changed).isGreaterThan(PACKETS / 100);
        for (String label : OracleTest.REACHABLE) {
            if (label.equals("oversize")) {
                continue; // longer than a packet of a test run can be
            }
            assertThat(seen.getOrDefault(label, 0))
                    .as("packets with outcome %s", label)
                    .isGreaterThan(PACKETS / 1000);
        }
    }

    private static final class Fuzzer {
        private final String name;
        private final Random random;
        private final Map<String, Integer> seen = new HashMap<>();
        private int changed;
        private int refused;

        Fuzzer(long seed, int number) {
            name = "fuzzer " + number + " of seed " + seed;
            random = new Random(seed + number);
        }

        Fuzzer run(int packets) {
            try (LoadedProgram program = new LoadedProgram()) {
                Rules rules = null;
                Map<String, Count> counts = null;
                for (int i = 0; i < packets + refused; i++) {
                    if (i % PACKETS_PER_RULES == 0) {
                        rules = randomRules();
                        program.rules(rules);
                        counts = program.counts();
                    }
                    byte[] packet = mutate(CORPUS.get(random.nextInt(CORPUS.size())));
                    int gsoSize = random.nextInt(20) == 0 ? 1000 : 0;
                    if (adjusts(rules)) {
                        program.forgetPeers(); // the model knows no peers
                    }
                    TestRun run;
                    try {
                        run = program.run(packet, gsoSize);
                    } catch (KernelException e) {
                        // The kernel refuses this packet in a test run; see ProgramTest.
                        assertThat(e.errno()).isEqualTo(Errno.EINVAL);
                        assertThat(packet.length).isLessThan(14 + 40);
                        refused++;
                        continue;
                    }

                    Model.Prediction model = Model.predict(packet, gsoSize, rules);
                    String what = "packet " + i + " of " + name + " under " + rules + ", gso " + gsoSize + ": "
                            + HexFormat.of().formatHex(packet);
                    if (!Arrays.equals(run.packet(), packet)) {
                        changed++;
                        assertProven(run.packet(), packet, model, rules, what);
                    }
                    if (!Arrays.equals(run.packet(), model.output(packet)) || run.verdict() != model.verdict()) {
                        assertThat(run.packet()).as(what).isEqualTo(model.output(packet));
                        assertThat(run.verdict()).as(what).isEqualTo(model.verdict());
                    }
                    Map<String, Count> now = program.counts();
                    String counter = model.label().equals("other")
                            ? null
                            : (model.ruled()
                                            ? model.countedAs()
                                                            .map(Vni::toString)
                                                            .orElse("any") + " "
                                            : "")
                                    + model.label();
                    assertThat(ProgramTest.difference(counts, now))
                            .as(what)
                            .isEqualTo(counter == null ? Map.of() : Map.of(counter, new Count(1, packet.length)));
                    counts = now;
                    seen.merge(model.label(), 1, Integer::sum);
                }
            }
            return this;
        }

        private Rules randomRules() {
            Map<Vni, Rule> byVni = new HashMap<>();
            byVni.put(new Vni(4109), randomRule());
            if (random.nextBoolean()) {
                byVni.put(new Vni(random.nextInt(3)), randomRule());
            }
            if (random.nextBoolean()) { // so many that some have no slot and are in the hash
                for (int vni = 70_000; vni < 70_012; vni++) {
                    byVni.put(new Vni(vni), randomRule());
                }
            }
            Optional<Rule> any = random.nextInt(3) == 0 ? Optional.of(randomRule()) : Optional.empty();
            return new Rules(random.nextInt(8) == 0 ? 7789 : 4789, any, byVni);
        }

        private Rule randomRule() {
            Mode mode = Mode.values()[random.nextInt(Mode.values().length)];
            int kind = random.nextInt(5);
            return new Rule(mode, kind == 0, kind > 1);
        }

        private byte[] mutate(byte[] original) {
            byte[] packet = original.clone();
            for (int n = random.nextInt(4); n > 0; n--) {
                // Mostly in the headers, which decide the outcome.
                int at = random.nextInt(random.nextInt(4) == 0 ? packet.length : Math.min(packet.length, 90));
                switch (random.nextInt(8)) {
                    case 0, 1 -> packet[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> packet[at] = (byte) random.nextInt(256);
                    case 3 -> packet[at] = (byte) (random.nextBoolean() ? 0 : 0xff);
                    case 4 -> packet = Arrays.copyOf(packet, Math.max(14, random.nextInt(packet.length + 1)));
                    case 5 -> packet = Arrays.copyOf(packet, packet.length + random.nextInt(64));
                    case 6 -> packet = tagged(packet);
                    default -> {
                        byte[] other = CORPUS.get(random.nextInt(CORPUS.size()));
                        int length = Math.min(random.nextInt(40), Math.min(packet.length, other.length) - 14);
                        int from = random.nextInt(Math.min(packet.length, other.length) - Math.max(0, length) + 1);
                        System.arraycopy(other, from, packet, from, Math.max(0, length));
                    }
                }
            }
            return packet;
        }

        private byte[] tagged(byte[] packet) {
            byte[] tagged = new byte[packet.length + 4];
            System.arraycopy(packet, 0, tagged, 0, 12);
            int ethertype = random.nextBoolean() ? 0x8100 : 0x88a8;
            tagged[12] = (byte) (ethertype >> 8);
            tagged[13] = (byte) ethertype;
            tagged[14] = (byte) random.nextInt(256);
            tagged[15] = (byte) random.nextInt(256);
            System.arraycopy(packet, 12, tagged, 16, packet.length - 12);
            return tagged;
        }
    }

    /** Checks the promise itself, without the model's prediction of the change. */
    private static void assertProven(byte[] out, byte[] in, Model.Prediction model, Rules rules, String what) {
        assertThat(model.ruled()).as("changed without a rule: " + what).isTrue();
        Rule rule = model.countedAs()
                .map(vni -> rules.byVni().get(vni))
                .orElseGet(() -> rules.any().orElseThrow());
        assertThat(rule.unverified()).as("changed without proof: " + what).isTrue();
        assertThat(rule.mode()).as("changed by observe: " + what).isNotEqualTo(Mode.OBSERVE);
        assertThat(out).as(what).hasSameSizeAs(in);
        // An observer finds the new checksum right, or finds none.
        Rule observe = new Rule(Mode.OBSERVE, false, true);
        String verdict = Model.predict(out, 0, new Rules(rules.port(), Optional.of(observe), Map.of()))
                .label();
        assertThat(verdict).as("checksum behind the program: " + what).isIn("good", "zero");
    }

    private static boolean adjusts(Rules rules) {
        return Stream.concat(rules.any().stream(), rules.byVni().values().stream())
                .anyMatch(rule -> rule.mode() == Mode.ADJUST);
    }
}
