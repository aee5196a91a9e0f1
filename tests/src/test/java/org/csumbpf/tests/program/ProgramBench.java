// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntSupplier;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TestContext;
import org.csumbpf.tests.lab.Lab;

/** The program's cost for one packet; see tests/bench/program.sh. */
public final class ProgramBench {
    private static final int ROUNDS = 11;
    private static final int REPEAT = 200_000;

    private ProgramBench() {}

    public static void main(String[] args) {
        Map<String, IntSupplier> subjects = new LinkedHashMap<>();
        BpfProgram empty = Lab.load(Lab.foreign());
        byte[] any = packet("ipv4 observe, right checksum");
        subjects.put(
                "empty program",
                () -> empty.testRun(any, TestContext.PLAIN, REPEAT).durationNanos());
        add(subjects, "TCP, not for us", "ipv4 TCP", "4109 zero unverified");
        add(subjects, "VXLAN, no rule", "ipv4 no rule for the VNI", "4109 zero unverified");
        add(subjects, "no proof: plaintext", "ipv4 observe, right checksum", "4109 zero");
        add(subjects, "observe, 100 bytes", "ipv4 observe, right checksum", "4109 observe unverified");
        add(subjects, "observe, 1424 bytes", "ipv4 recompute, 1424 bytes", "4109 observe unverified");
        subjects.values().forEach(IntSupplier::getAsInt);

        Map<String, int[]> nanos = new LinkedHashMap<>();
        subjects.keySet().forEach(name -> nanos.put(name, new int[ROUNDS]));
        for (int round = 0; round < ROUNDS; round++) {
            for (Map.Entry<String, IntSupplier> subject : subjects.entrySet()) {
                nanos.get(subject.getKey())[round] = subject.getValue().getAsInt();
            }
        }
        nanos.values().forEach(Arrays::sort);
        int base = nanos.get("empty program")[ROUNDS / 2];
        System.out.printf(Locale.ROOT, "%-22s %8s %8s %13s%n", "packet", "ratio", "ns", "min-max");
        nanos.forEach((name, all) -> System.out.printf(
                Locale.ROOT,
                "%-22s %8.1f %8d %6d-%d%n",
                name,
                (double) all[ROUNDS / 2] / Math.max(1, base),
                all[ROUNDS / 2],
                all[0],
                all[ROUNDS - 1]));
    }

    private static void add(Map<String, IntSupplier> subjects, String name, String packet, String rules) {
        LoadedProgram program = new LoadedProgram();
        program.rules(Rules.parse(rules, 4789));
        byte[] frame = packet(packet);
        subjects.put(name, () -> program.measure(frame, REPEAT));
    }

    private static byte[] packet(String name) {
        return PacketCase.all().stream()
                .filter(c -> c.name().equals(name))
                .findFirst()
                .orElseThrow()
                .in();
    }
}
