// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Interruptions between two system calls: kill -9, two commands at once, a deleted pin. Commands that are killed or
 * that race are processes. Those that restore and check run in this JVM, which takes a fifth of the time and holds
 * nothing between two of them (NamespaceTest).
 */
@Tag("root")
class CrashTest {
    /** The two variants together cover both kinds of hook, and the backstop of IPv4 and IPv6. */
    private static final String TC_ALONE = "--unverified --hook tcx";

    private static final String BOTH_PATHS = "--backstop always --hook clsact";
    private static final List<String> OLD = List.of("5 auto");
    private static final List<String> NEW = List.of("6 observe", "7 observe", "8 observe");

    private final long seed = Long.getLong("csumbpf.crash.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
        lab.ipv6();
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {TC_ALONE, BOTH_PATHS})
    void killedAtAnyInstantOfAttach(String options) throws Exception {
        String[] attach = lab.command(attach("--vni 5", options));
        long full = duration(attach);
        lab.csumbpf("detach", "w1").ok();
        int effective = 0;
        int midway = 0;
        for (int i = 0; i < 30 || (effective + midway < 5 && i < 100); i++) {
            killed(attach, full);
            boolean hooked = lab.status()
                    .map(s -> s.get("state").asText().equals("attached"))
                    .orElse(false);
            if (!hooked) {
                Limit.pause(100); // a link without a pin goes a moment after the process that held it
            }
            boolean traces = !lab.traces().isEmpty();
            effective += hooked ? 1 : 0;
            midway += traces && !hooked ? 1 : 0;
            full = adapted(full, traces);
            if (hooked) {
                assertThat(lab.rules())
                        .as("the new state, whole; seed %d", seed)
                        .isEqualTo(OLD);
            }
            if (i % 2 == 0) {
                lab.csumbpf(attach("--vni 5", options)).ok();
                assertThat(lab.rules()).isEqualTo(OLD);
                assertThat(lab.status().orElseThrow().get("problems")).isEmpty();
            }
            int code = lab.csumbpf("detach", "w1").code();
            assertThat(code).isEqualTo(i % 2 == 0 || traces ? 0 : 6);
            assertThat(lab.traces()).as("after detach; seed %d", seed).isEmpty();
        }
        assertThat(effective + midway).as("kills that hit an attach at work").isGreaterThanOrEqualTo(5);
        System.out.println("killed attach (" + options + ", seed " + seed + "): " + effective + " had taken effect, "
                + midway + " were half made");
    }

    @ParameterizedTest
    @ValueSource(strings = {TC_ALONE, BOTH_PATHS})
    void killedAtAnyInstantOfAnUpdate(String options) throws Exception {
        String[] oldState = attach("--vni 5", options);
        String[] newState = lab.command(attach("--vni 6-8 --mode observe", options));
        lab.csumbpf(oldState).ok();
        long full = duration(newState);
        int updated = 0;
        for (int i = 0; i < 30 || (updated < 3 && i < 100); i++) {
            lab.csumbpf(oldState).ok();
            assertThat(lab.rules()).isEqualTo(OLD);
            killed(newState, full);
            assertThat(lab.status().orElseThrow().get("state").asText()).isEqualTo("attached");
            // Pins follow the program at the next command that changes something. VNI 999 has no rule, so this one
            // changes none.
            lab.csumbpf("vni", "remove", "w1", "999").ok();
            assertThat(lab.rules())
                    .as("the old state or the new one; seed %d", seed)
                    .isIn(OLD, NEW);
            assertThat(lab.status().orElseThrow().get("problems"))
                    .as("nftables follow the rules; seed %d", seed)
                    .isEmpty();
            boolean took = lab.rules().equals(NEW);
            updated += took ? 1 : 0;
            full = adapted(full, took);
        }
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
        assertThat(updated).as("kills behind the swap").isGreaterThanOrEqualTo(3);
        System.out.println("killed update (" + options + ", seed " + seed + "): " + updated + " had taken effect");
    }

    @ParameterizedTest
    @ValueSource(strings = {TC_ALONE, BOTH_PATHS})
    void twoAttachesAtOnce(String options) throws Exception {
        for (int i = 0; i < 5; i++) {
            Process one = start(lab.command(attach("--vni 5", options)));
            Process two = start(lab.command(attach("--vni 6-8 --mode observe", options)));
            assertThat(one.waitFor()).isZero();
            assertThat(two.waitFor()).isZero();
            assertThat(lab.rules()).isIn(OLD, NEW);
            assertThat(lab.status().orElseThrow().get("problems")).isEmpty();
            lab.csumbpf("detach", "w1").ok();
            assertThat(lab.traces()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {TC_ALONE, BOTH_PATHS})
    void anyPinMayVanish(String options) throws IOException {
        String[] attach = attach("--vni 6-8 --mode observe", options);
        lab.csumbpf(attach).ok();
        List<String> pins = new ArrayList<>();
        try (Stream<Path> files = Files.list(lab.pins())) {
            files.forEach(file -> pins.add(file.getFileName().toString()));
        }
        assertThat(pins)
                .contains(
                        "program",
                        "first_rules",
                        "rules",
                        "config",
                        "first_counters",
                        "counters",
                        "totals",
                        "peers",
                        "attachment");
        for (String pin : pins) {
            lab.csumbpf(attach).ok();
            Files.delete(lab.pins().resolve(pin));
            assertThat(lab.status().orElseThrow().get("problems"))
                    .as("status without %s says so", pin)
                    .isNotEmpty();
            lab.csumbpf(attach).ok();
            assertThat(lab.rules()).as("attach without %s repairs", pin).isEqualTo(NEW);
            assertThat(lab.status().orElseThrow().get("problems")).isEmpty();

            Files.delete(lab.pins().resolve(pin));
            lab.csumbpf("detach", "w1").ok();
            assertThat(lab.traces()).as("detach without %s", pin).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {TC_ALONE, BOTH_PATHS})
    void allPinsMayVanish(String options) {
        lab.csumbpf(attach("--vni 5", options)).ok();
        lab.removePins(".*");
        lab.csumbpf(attach("--vni 5", options)).ok();
        assertThat(lab.rules()).isEqualTo(OLD);
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    private static String[] attach(String rules, String options) {
        return ("attach w1 " + rules + " " + options).split(" ");
    }

    /**
     * Starts a command and kills it after a random time, from a third of its full run to a little more than all of it.
     */
    private void killed(String[] command, long fullMillis) throws Exception {
        Process process = start(command);
        // Most of the time passes before the first system call that matters, so the first third is left out.
        long wait = fullMillis / 3 + random.nextInt((int) (fullMillis * 4 / 5));
        process.waitFor(wait, TimeUnit.MILLISECONDS);
        // Sends SIGKILL to the JVM: the launcher execs java.
        process.destroyForcibly();
        process.waitFor();
    }

    /** Adapts to a noisy machine: kills later if the last kill came too early, and earlier if too late. */
    private static long adapted(long millis, boolean tookEffect) {
        return tookEffect ? millis * 9 / 10 : millis * 11 / 10;
    }

    private static long duration(String[] command) throws Exception {
        long began = System.nanoTime();
        assertThat(start(command).waitFor()).isZero();
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    }

    private static Process start(String[] command) throws IOException {
        return new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }
}
