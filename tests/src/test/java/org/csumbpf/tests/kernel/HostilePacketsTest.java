// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.program.Oracle;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** Packets that an attacker on the path may send to b. Nothing is repaired without the proof by ESP. */
@Tag("vm")
@Order(4)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HostilePacketsTest {
    private static final String B = "10.0.9.2";
    private static final String FRAMES =
            Shell.CHECKOUT.resolve("tests/lab/frames.py").toString();
    private static final int COUNT = 7;

    @Test
    @Order(1)
    @DisplayName("plaintext")
    void plaintext() {
        try (EspLab lab = new EspLab()) {
            lab.attach("--vni", "4109");
            assertThat(lab.loss(lab.a, B)).as("loss of what ESP protects").isZero();
            // Docker's own guard drops plaintext after tc. Without it, what the kernel does with a packet can be
            // counted.
            lab.b.run("iptables", "-F", "INPUT").ok();
            silence(lab, true);
            Seen before = Seen.on(lab.b);
            send(lab, Collections.nCopies(COUNT, vxlan(lab, true)));
            counts(
                    "with a good checksum: delivered, not repaired",
                    () -> Seen.on(lab.b).minus(before),
                    new Seen(COUNT, 0, 0, COUNT, 0));
            Seen good = Seen.on(lab.b);
            send(lab, Collections.nCopies(COUNT, vxlan(lab, false)));
            counts(
                    "with a bad one: dropped by the kernel, not repaired",
                    () -> Seen.on(lab.b).minus(good),
                    new Seen(0, COUNT, 0, COUNT, 0));

            lab.b
                    .csumbpf("attach", "eth0", "--vni", "4109", "--plaintext", "drop")
                    .ok();
            Seen passed = Seen.on(lab.b);
            send(lab, Collections.nCopies(COUNT, vxlan(lab, true)));
            send(lab, Collections.nCopies(COUNT, vxlan(lab, false)));
            counts(
                    "with --plaintext drop: neither comes to the kernel",
                    () -> Seen.on(lab.b).minus(passed),
                    new Seen(0, 0, 0, 0, 2 * COUNT));
            silence(lab, false);
            assertThat(lab.loss(lab.a, B)).as("loss of what ESP protects").isZero();
        }
    }

    /** After tc the same holds: without GRO, and for fragments, whose VNI tc cannot see. */
    @Test
    @Order(2)
    @DisplayName("plaintext after tc")
    void plaintextBehindTc() {
        try (EspLab lab = new EspLab()) {
            lab.b.run("ethtool", "-K", "eth0", "gro", "off").ok();
            lab.attach("--vni", "4109");
            assertThat(lab.loss(lab.a, B)).as("loss of what ESP protects").isZero();
            lab.b.run("iptables", "-F", "INPUT").ok();
            silence(lab, true);
            List<String> good = fragments(vxlan(lab, true));
            List<String> bad = fragments(vxlan(lab, false));
            AfterTc before = AfterTc.on(lab.b);
            send(lab, good);
            counts(
                    "fragments with a good checksum: delivered, not repaired",
                    () -> AfterTc.on(lab.b).minus(before),
                    new AfterTc(1, 0, 0, 0));
            AfterTc afterGood = AfterTc.on(lab.b);
            send(lab, bad);
            send(lab, List.of(vxlan(lab, false)));
            counts(
                    "with a bad one: dropped by the kernel, not repaired",
                    () -> AfterTc.on(lab.b).minus(afterGood),
                    new AfterTc(0, 2, 0, 0));

            for (String vnis : List.of("4109", "any")) {
                lab.b
                        .csumbpf("attach", "eth0", "--vni", vnis, "--plaintext", "drop")
                        .ok();
                AfterTc attached = AfterTc.on(lab.b);
                send(lab, good);
                send(lab, bad);
                counts(
                        "with --plaintext drop for vni " + vnis + ": dropped by the backstop",
                        () -> AfterTc.on(lab.b).minus(attached),
                        new AfterTc(0, 0, 0, 2));
            }
            silence(lab, false);
            assertThat(lab.loss(lab.a, B)).as("loss of what ESP protects").isZero();
        }
    }

    /** Packets on b, as counted by the VXLAN device, the kernel and the backstop. */
    private record AfterTc(long delivered, long badChecksums, long repaired, long dropped) {
        static AfterTc on(Host b) {
            JsonNode counters = b.json("stats").at("/attachments/0/counters/0/backstop");
            return new AfterTc(
                    HostCounters.received(b, "vxlan0"),
                    HostCounters.snmp(b, "UdpInCsumErrors"),
                    counters.at("/repaired/packets").asLong(),
                    counters.at("/dropped/packets").asLong());
        }

        AfterTc minus(AfterTc other) {
            return new AfterTc(
                    delivered - other.delivered,
                    badChecksums - other.badChecksums,
                    repaired - other.repaired,
                    dropped - other.dropped);
        }
    }

    /** Splits a frame with IPv4 into two fragments. The first ends after the VXLAN header. */
    private static List<String> fragments(String frame) {
        byte[] bytes = HexFormat.of().parseHex(frame);
        int headers = 14 + 20;
        int first = 24; // bytes of IP payload, a multiple of eight
        List<String> fragments = new ArrayList<>();
        for (int[] part : new int[][] {{0, first}, {first, bytes.length - headers}}) {
            ByteBuffer fragment = ByteBuffer.allocate(headers + part[1] - part[0]);
            fragment.put(bytes, 0, headers).put(bytes, headers + part[0], part[1] - part[0]);
            fragment.putShort(16, (short) (fragment.capacity() - 14));
            fragment.putShort(18, (short) (identification & 0xffff));
            fragment.putShort(20, (short) (part[0] / 8 | (part[0] == 0 ? 0x2000 : 0)));
            checksumIpv4(fragment);
            fragments.add(HexFormat.of().formatHex(fragment.array()));
        }
        identification++;
        return fragments;
    }

    private static int identification = 1;

    private static void checksumIpv4(ByteBuffer frame) {
        frame.putShort(24, (short) 0);
        int sum = 0;
        for (int i = 14; i < 34; i += 2) {
            sum += frame.getShort(i) & 0xffff;
        }
        frame.putShort(24, (short) ~((sum & 0xffff) + (sum >> 16)));
    }

    @Test
    @Order(3)
    @DisplayName("replayed, flipped ESP")
    void replayedAndFlipped() throws IOException {
        // Docker's SAs have no replay window. Without one the kernel takes a replayed packet for a new one, whoever
        // repairs it.
        try (EspLab lab = new EspLab("REPLAY_WINDOW=32")) {
            lab.attach("--vni", "4109");
            List<String> captured = new ArrayList<>();
            Process capture =
                    new ProcessBuilder(lab.nat.in(FRAMES, "capture", "eth1", Integer.toString(COUNT))).start();
            try (BufferedReader reader = capture.inputReader()) {
                assertThat(reader.readLine()).isEqualTo("ready");
                assertThat(lab.loss(lab.a, B)).isZero();
                assertThat(lab.loss(lab.a, B)).isZero();
                reader.lines().forEach(captured::add);
            }
            assertThat(captured).hasSize(COUNT);

            silence(lab, true);
            long replayed = HostCounters.xfrm(lab.b, "XfrmInStateSeqError");
            Seen before = Seen.on(lab.b);
            send(lab, captured);
            counts(
                    "replayed packets that xfrm dropped",
                    () -> HostCounters.xfrm(lab.b, "XfrmInStateSeqError") - replayed,
                    (long) COUNT);
            List<String> flipped = new ArrayList<>();
            for (String frame : captured) {
                // A new sequence number, so that the packet passes the replay window and reaches the integrity check.
                byte[] bytes = HexFormat.of().parseHex(frame);
                ByteBuffer.wrap(bytes)
                        .putInt(14 + 20 + 4, ByteBuffer.wrap(bytes).getInt(14 + 20 + 4) + 100);
                bytes[bytes.length - 20] ^= 1;
                flipped.add(HexFormat.of().formatHex(bytes));
            }
            long wrong = HostCounters.xfrm(lab.b, "XfrmInStateProtoError");
            send(lab, flipped);
            counts(
                    "flipped packets that xfrm dropped",
                    () -> HostCounters.xfrm(lab.b, "XfrmInStateProtoError") - wrong,
                    (long) COUNT);
            assertThat(Seen.on(lab.b).minus(before)).as("what came of them").isEqualTo(new Seen(0, 0, 0, 0, 0));
            silence(lab, false);
            assertThat(lab.loss(lab.a, B)).as("loss afterwards").isZero();
        }
    }

    /** Packets on b, as counted by the VXLAN device, the kernel and the program (for VNI 4109). */
    private record Seen(long delivered, long badChecksums, long repaired, long plaintext, long dropped) {
        static Seen on(Host b) {
            JsonNode counters = b.json("stats").at("/attachments/0/counters/0");
            return new Seen(
                    HostCounters.received(b, "vxlan0"),
                    HostCounters.snmp(b, "UdpInCsumErrors"),
                    counters.at("/repaired/packets").asLong(),
                    counters.at("/plaintext/packets").asLong(),
                    counters.at("/dropped/packets").asLong());
        }

        Seen minus(Seen other) {
            return new Seen(
                    delivered - other.delivered,
                    badChecksums - other.badChecksums,
                    repaired - other.repaired,
                    plaintext - other.plaintext,
                    dropped - other.dropped);
        }
    }

    /** Keeps a from sending packets of its own (ARP probes b), which would be counted, too. */
    private static void silence(EspLab lab, boolean silent) {
        lab.a.run("ip", "link", "set", "vxlan0", silent ? "down" : "up").ok();
    }

    /** Sends frames to b and waits until they arrive. b may count them a moment later. */
    private static void send(EspLab lab, List<String> frames) {
        long before = HostCounters.received(lab.b, "eth0");
        Shell.input(String.join("\n", frames) + "\n", lab.nat.in(FRAMES, "send", "eth1"))
                .ok();
        Limit.await(
                frames.size() + " frames on b's eth0",
                Limit.seconds(30),
                () -> HostCounters.received(lab.b, "eth0") - before,
                received -> received >= frames.size());
    }

    /** Waits until the counts are as expected, which may take a moment. */
    private static <T> void counts(String what, Supplier<T> counts, T expected) {
        Limit.await(what + ": " + expected, Limit.seconds(30), counts, expected::equals);
    }

    /**
     * A frame to b as if a had sent it unencrypted: VXLAN 4109 with an inner broadcast of a protocol that nobody
     * answers.
     */
    private static String vxlan(EspLab lab, boolean goodChecksum) {
        int payload = 60;
        ByteBuffer frame = ByteBuffer.allocate(14 + 20 + 8 + 8 + payload);
        frame.put(mac(lab.b, "eth0")).put(mac(lab.nat, "eth1")).putShort((short) 0x0800);
        frame.put((byte) 0x45)
                .put((byte) 0)
                .putShort((short) (frame.capacity() - 14))
                .putInt(0);
        frame.put((byte) 64).put((byte) 17).putShort((short) 0);
        frame.put(new byte[] {(byte) 203, 0, 113, 2}).put(new byte[] {10, 99, 0, 2});
        frame.putShort((short) 50000)
                .putShort((short) 4789)
                .putShort((short) (8 + 8 + payload))
                .putShort((short) 0);
        frame.putInt(0x08000000).putInt(4109 << 8);
        frame.put(new byte[] {-1, -1, -1, -1, -1, -1})
                .put(new byte[] {2, 0, 0, 0, 0, 9})
                .putShort((short) 0x88b5);
        byte[] bytes = frame.array();
        checksumIpv4(frame);
        int udp = Oracle.udpChecksum(bytes, false, 26, 34, bytes.length - 34);
        frame.putShort(40, (short) (goodChecksum ? udp : udp ^ 0x0100));
        return HexFormat.of().formatHex(bytes);
    }

    private static byte[] mac(Host host, String device) {
        String address = Host.parse(
                        host.run("ip", "-j", "link", "show", "dev", device).ok().out())
                .at("/0/address")
                .asText();
        return HexFormat.ofDelimiter(":").parseHex(address);
    }
}
