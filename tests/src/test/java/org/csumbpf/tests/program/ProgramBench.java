// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntSupplier;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TestContext;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.tests.lab.Lab;

/**
 * The program's cost of a packet, by BPF_PROG_TEST_RUN. tests/bench/program.sh compiles the builds of
 * tests/bench/program.bpf.c and runs this. A test run has no IPsec state, so all but the plaintext subjects run without
 * the proof.
 */
public final class ProgramBench {
    private static final int REPEAT = 200_000;
    private static final String BASELINE = "empty program";
    private static final Rules UNVERIFIED = Rules.parse("4109 observe unverified", 4789);

    /** Sizes of outer frames, bytes. The kernel takes none of 8,950 in a test run: tests/bench/wire.sh has those. */
    private static final int[] SIZES = {64, 512, 1450};

    private static final Mode[] MODES = {Mode.ZERO, Mode.ADJUST, Mode.RECOMPUTE, Mode.OBSERVE};

    private final Path builds;
    private final Map<String, byte[]> objects = new HashMap<>();
    private final Map<String, IntSupplier> subjects = new LinkedHashMap<>();

    private ProgramBench(Path builds) {
        this.builds = builds;
    }

    /** @param args folder of the builds, file for the JSON, rounds */
    public static void main(String[] args) throws IOException {
        new ProgramBench(Path.of(args[0])).run(Path.of(args[1]), Integer.parseInt(args[2]));
    }

    private void run(Path json, int rounds) throws IOException {
        BpfProgram empty = Lab.load(Lab.foreign());
        byte[] any = BenchFrames.vxlan(64, BenchFrames.NAT);
        subjects.put(
                BASELINE, () -> empty.testRun(any, TestContext.PLAIN, REPEAT).durationNanos());
        add("TCP", "same", UNVERIFIED, BenchFrames.named("ipv4 TCP"));
        add("VXLAN without a rule", "same", Rules.parse("4110 zero", 4789), any);
        Rules proof = Rules.parse("4109 zero", 4789);
        add("plaintext flood", "same", proof, any);
        add("plaintext flood, built without events", "without-events", proof, any);
        for (int size : SIZES) {
            byte[] frame = BenchFrames.vxlan(size, BenchFrames.NAT);
            for (Mode mode : MODES) {
                add(mode.label() + ", " + size + " bytes", "same", rules(mode), frame);
            }
            byte[] same = BenchFrames.vxlan(size, BenchFrames.NAT);
            BpfProgram sum = Lab.load(object("csum-" + size), "csumbpf");
            if (sum.testRun(same, TestContext.PLAIN, 1).verdict() != 0) {
                continue; // this kernel takes 512 bytes at most
            }
            subjects.put(
                    "the kernel's checksum alone, " + size + " bytes",
                    () -> sum.testRun(same, TestContext.PLAIN, REPEAT).durationNanos());
        }
        byte[] smallest = BenchFrames.vxlan(SIZES[0], BenchFrames.NAT);
        for (String step : new String[] {"rules", "peers", "counters", "store"}) {
            add("zero, " + SIZES[0] + " bytes, built without " + step, "without-" + step, rules(Mode.ZERO), smallest);
        }
        add("adjust without NAT, 1450 bytes", "same", rules(Mode.ADJUST), BenchFrames.vxlan(1450, 0xffff));
        for (int count : new int[] {1, 1024, 16384}) {
            LoadedProgram program = add("zero, " + count + " rules", "same", rules(Mode.ZERO), any);
            Rule zero = new Rule(Mode.ZERO, false, true);
            for (int vni = 1; vni < count; vni++) {
                program.maps().putRule(new Vni(100_000 + vni), zero);
            }
            if (count > 1) { // gives its slot to another rule, so that its own is in the hash
                program.maps().removeRule(new Vni(4109));
                program.maps().putRule(new Vni(100_000), zero);
                program.maps().putRule(new Vni(4109), zero);
            }
        }
        for (int count : new int[] {1, 256, 4096, 65536}) {
            LoadedProgram program =
                    add("adjust, " + count + " peers in turn", "peers-" + count, rules(Mode.ADJUST), any);
            program.measure(any, 20 * 65536); // so that all peers are learned
        }
        new Bench("program", "The program's cost of a packet, by BPF_PROG_TEST_RUN", "ns", BASELINE, subjects)
                .run(rounds, json);
    }

    private static Rules rules(Mode mode) {
        return Rules.parse("4109 " + mode.label() + " unverified", 4789);
    }

    private LoadedProgram add(String name, String build, Rules rules, byte[] frame) throws IOException {
        LoadedProgram program = new LoadedProgram(object(build));
        program.rules(rules);
        subjects.put(name, () -> program.measure(frame, REPEAT));
        return program;
    }

    private byte[] object(String build) throws IOException {
        byte[] object = objects.get(build);
        if (object == null) {
            object = Files.readAllBytes(builds.resolve(build + ".o"));
            objects.put(build, object);
        }
        return object;
    }
}
