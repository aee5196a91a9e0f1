// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Packets on a device: those that a test run cannot have (jumbo frames, frames that end in the IP header, VLAN tags
 * that the stack removed), and a program swap under traffic. Another program after ours forwards its packets to w3,
 * where they are compared. That it gets any packets is tested, too.
 */
@Tag("root")
class WireTest {
    private Lab lab;
    private BpfProgram forwarder;
    private TcxLink forwarding;

    @BeforeEach
    void open() {
        lab = new Lab();
        forwarder = Lab.load(Lab.foreign("-DTARGET=" + lab.ifindex("w2")));
        int ifindex = lab.ifindex("w1");
        forwarding = lab.call(() -> TcxLink.attachFirst(forwarder, ifindex));
    }

    @AfterEach
    void close() {
        forwarding.close();
        forwarder.close();
        lab.close();
    }

    @Test
    void jumboFramesAndVlanTagsThatTheStackTookOff() {
        List<PacketCase> cases = PacketCase.all().stream()
                .filter(c -> c.rules().any().isEmpty()
                        && c.gsoSize() == 0
                        && c.rules().port() == 4789)
                .filter(c -> !c.fitsTestRun() || c.name().matches(".*(802.1Q|802.1ad|three tags).*"))
                .toList();
        assertThat(cases).hasSizeGreaterThan(20);
        for (String mode : List.of("zero", "recompute")) {
            Rules rules = Rules.parse("4109 " + mode + " unverified", 4789);
            exchange(rules, mode, cases.stream().map(PacketCase::in).toList());
        }
    }

    @Test
    void framesCutShort() {
        List<byte[]> frames = new ArrayList<>();
        ProgramTest.bases().forEach(base -> {
            for (int length = 14; length <= Math.min(98, base.in().length - 1); length++) {
                if (!tagged(base.in()) || length >= 20) { // the stack drops shorter ones
                    frames.add(Arrays.copyOf(base.in(), length));
                }
            }
        });
        assertThat(frames).hasSizeGreaterThan(500);
        exchange(Rules.parse("4109 zero unverified", 4789), "zero", frames);
    }

    /** Sends frames, and compares the output and the counters with the model. */
    private void exchange(Rules rules, String mode, List<byte[]> frames) {
        lab.csumbpf("attach", "w1", "--vni", "4109", "--unverified", "--mode", mode)
                .ok();
        Map<String, Long> before = packets();
        StringBuilder input = new StringBuilder();
        frames.forEach(frame -> input.append(HexFormat.of().formatHex(frame)).append('\n'));
        List<String> out = Shell.input(
                        input.toString(),
                        lab.in(Shell.CHECKOUT.resolve("tests/packets/wire.py").toString(), "w0", "w3"))
                .ok()
                .out()
                .lines()
                .toList();
        assertThat(out).hasSameSizeAs(frames);
        Map<String, Long> expected = new HashMap<>();
        for (int i = 0; i < frames.size(); i++) {
            byte[] seen = untagged(frames.get(i));
            Model.Prediction model = Model.predict(seen, 0, rules);
            assertThat(out.get(i))
                    .as("frame %s", HexFormat.of().formatHex(frames.get(i)))
                    .isEqualTo(HexFormat.of().formatHex(model.output(seen)));
            expected.merge(model.label(), 1L, Long::sum);
        }
        expected.remove("other");
        Map<String, Long> moved = packets();
        moved.replaceAll((label, count) -> count - before.getOrDefault(label, 0L));
        moved.values().removeIf(count -> count == 0);
        assertThat(moved).isEqualTo(expected);
    }

    @Test
    void aSwapUnderTrafficLeavesNoPacketUnrepaired() throws Exception {
        PacketCase wrong = PacketCase.all().stream()
                .filter(c -> c.name().equals("ipv4 auto, wrong checksum"))
                .findFirst()
                .orElseThrow();
        lab.csumbpf("attach", "w1", "--vni", "4109", "--unverified").ok();
        Process traffic = new ProcessBuilder(
                        lab.in(Shell.CHECKOUT.resolve("tests/packets/wire.py").toString(), "w0", "w3"))
                .start();
        List<String> answers = new ArrayList<>();
        Thread sender = new Thread(() -> {
            String line = HexFormat.of().formatHex(wrong.in()) + "\n";
            try (BufferedReader reader = traffic.inputReader()) {
                while (!Thread.currentThread().isInterrupted()) {
                    traffic.getOutputStream().write(line.getBytes());
                    traffic.getOutputStream().flush();
                    answers.add(reader.readLine());
                }
                traffic.getOutputStream().close();
            } catch (IOException e) {
                answers.add(e.toString());
            }
        });
        sender.start();
        int first = lab.status().orElseThrow().get("program_id").asInt();
        for (int i = 0; i < 8; i++) {
            // Two rules change, so a new program with new maps replaces the old one.
            lab.csumbpf("attach", "w1", "--vni", i % 2 == 0 ? "4109,7,8" : "4109", "--unverified")
                    .ok();
            lab.csumbpf("vni", "add", "w1", "99", "--unverified").ok();
        }
        sender.interrupt();
        sender.join();
        traffic.waitFor();
        assertThat(lab.status().orElseThrow().get("program_id").asInt())
                .as("swapped")
                .isNotEqualTo(first);
        assertThat(answers).hasSizeGreaterThan(1000);
        assertThat(answers).containsOnly(HexFormat.of().formatHex(wrong.out()));
        System.out.println("swap under traffic: " + answers.size() + " packets, all repaired");
    }

    private Map<String, Long> packets() {
        Map<String, Long> packets = new HashMap<>();
        JsonNode stats = lab.json("stats").get("attachments").get(0);
        stats.get("totals").fields().forEachRemaining(e -> packets.put(e.getKey(), packetsOf(e)));
        stats.get("counters").get(0).fields().forEachRemaining(e -> {
            if (e.getValue().has("packets")) {
                packets.put(e.getKey(), packetsOf(e));
            }
        });
        return packets;
    }

    private static long packetsOf(Map.Entry<String, JsonNode> entry) {
        return entry.getValue().get("packets").asLong();
    }

    private static boolean tagged(byte[] frame) {
        return frame.length >= 14 && (frame[12] == (byte) 0x81 || frame[12] == (byte) 0x88) && frame[13] != (byte) 0xdd;
    }

    /** The frame as the program gets it: the stack removes the outer tag before tc ingress. */
    private static byte[] untagged(byte[] frame) {
        if (!tagged(frame)) {
            return frame;
        }
        byte[] rest = new byte[frame.length - 4];
        System.arraycopy(frame, 0, rest, 0, 12);
        System.arraycopy(frame, 16, rest, 12, frame.length - 16);
        return rest;
    }
}
