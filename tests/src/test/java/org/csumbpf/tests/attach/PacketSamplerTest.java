// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.csumbpf.loader.host.PacketSampler;
import org.csumbpf.loader.host.PacketSampler.Count;
import org.csumbpf.loader.host.PacketSampler.Kind;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.snapshot.VxlanHeader;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.PingedOverlay;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What PacketSampler counts of packets that come and go by devices of a namespace. */
@Tag("root")
class PacketSamplerTest {
    private static final String ESP = "ESP(spi=0x87654321, seq=1)";
    /** Of an echo request of 56 bytes: IPv4, UDP, VXLAN, Ethernet, IPv4, ICMP. */
    private static final int PING_BYTES = 20 + 8 + 8 + 14 + 20 + 8 + 56;

    @Test
    void vxlanBothWays() throws Exception {
        try (PingedOverlay overlay = new PingedOverlay();
                PacketSampler sampler =
                        overlay.lab.call(() -> PacketSampler.open(List.of(4788, 4789), VxlanHeader::vni))) {
            Map<Kind, Count> counts = until(
                    sampler,
                    seen -> seen.values().stream()
                                    .filter(count -> count.packets() >= 3)
                                    .count()
                            == 2);
            List<String> kinds = counts.keySet().stream()
                    .map(kind -> text(overlay.lab, kind))
                    .toList();
            assertThat(kinds)
                    .containsExactlyInAnyOrder(
                            "w1 in 192.0.2.2 192.0.2.1 4789 label 4109", "w1 out 192.0.2.1 192.0.2.2 4789 label 4109");
            assertThat(counts.values())
                    .allSatisfy(count -> assertThat(count.longestBytes()).isEqualTo(PING_BYTES));
            assertThat(sampler.missed()).isZero();
        }
    }

    /** w0 and w1 are in one namespace, so each packet is counted as sent by w0 and as received by w1. */
    @Test
    void espAndUdpToThesePorts() {
        assertThat(seen(
                        "IP(src='192.0.2.1', dst='192.0.2.2')/" + ESP,
                        "IP(src='192.0.2.1', dst='192.0.2.2', options=[IPOption_NOP()]*8)/" + ESP,
                        "IP(src='192.0.2.3', dst='192.0.2.4', options=[IPOption_NOP()]*40)"
                                + "/UDP(dport=4789, chksum=0)/Raw(bytes.fromhex('0800000000000500')+b'x'*1000)",
                        "IP(src='192.0.2.3', dst='192.0.2.4', flags='MF')/UDP(dport=4789, len=9000)/Raw(b'p'*1000)",
                        "IPv6(src='2001:db8::1', dst='2001:db8::2')/" + ESP,
                        "IPv6(src='2001:db8::1', dst='2001:db8::2')/UDP(dport=4500)"))
                .containsExactlyInAnyOrder(
                        "w0 out 192.0.2.1 192.0.2.2 spi 87654321: 2, 36 bytes",
                        "w1 in 192.0.2.1 192.0.2.2 spi 87654321: 2, 36 bytes",
                        "w0 out 192.0.2.3 192.0.2.4 4789 label 5: 1, 1076 bytes",
                        "w1 in 192.0.2.3 192.0.2.4 4789 label 5: 1, 1076 bytes",
                        "w0 out 192.0.2.3 192.0.2.4 4789: 1, 1028 bytes",
                        "w1 in 192.0.2.3 192.0.2.4 4789: 1, 1028 bytes",
                        "w0 out 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 spi 87654321: 1, 48 bytes",
                        "w1 in 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 spi 87654321: 1, 48 bytes",
                        "w0 out 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 4500: 1, 48 bytes",
                        "w1 in 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 4500: 1, 48 bytes");
    }

    @Test
    void nothingElse() {
        assertThat(seen(
                        "IP(src='192.0.2.1', dst='192.0.2.2')/UDP(sport=4789, dport=4790)",
                        "IP(src='192.0.2.1', dst='192.0.2.2')/TCP(dport=4789)",
                        "IP(src='192.0.2.1', dst='192.0.2.2', proto=50, frag=100)/Raw(b'x'*64)",
                        "IP(src='192.0.2.1', dst='192.0.2.2', proto=17, frag=100)/Raw(bytes.fromhex('000112b500080000'))",
                        "IPv6(src='2001:db8::1', dst='2001:db8::2')/TCP(dport=4789)",
                        "ARP()"))
                .isEmpty();
    }

    /** For another station: sent by w0, but w1 has received nothing. */
    @Test
    void packetsForOthers() {
        try (Lab lab = new Lab(false);
                PacketSampler sampler = open(lab)) {
            send(lab, "02:00:00:00:00:99", "IP(src='192.0.2.1', dst='192.0.2.2')/" + ESP);
            send(lab, "02:00:00:00:00:01", LAST);
            assertThat(texts(lab, until(sampler, PacketSamplerTest::ended)))
                    .containsExactly("w0 out 192.0.2.1 192.0.2.2 spi 87654321: 1, 28 bytes");
        }
    }

    /** The sampler returns in time and holds a bounded number of counts, though packets never end. */
    @Test
    void flood() throws Exception {
        String script = "import os, socket\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\ns.bind(('w0', 0))\n"
                + "head = bytes.fromhex('02000000000102000000000008004500001800000000403200"
                + "00c0000201c0000202')\nwhile True: s.send(head + os.urandom(4))\n";
        try (Lab lab = new Lab(false);
                PacketSampler sampler = open(lab)) {
            Process flood = new ProcessBuilder(lab.in("/usr/bin/python3", "-c", script)).start();
            try {
                until(sampler, counts -> !counts.isEmpty());
                long start = System.nanoTime();
                sampler.collect(Duration.ofMillis(500));
                assertThat(System.nanoTime() - start)
                        .isLessThan(Limit.seconds(5).toNanos());
                sampler.collect(Duration.ZERO);
                assertThat(sampler.counts().size()).isBetween(1000, 8192);
            } finally {
                flood.destroy();
                flood.waitFor();
            }
        }
    }

    private static final String LAST = "IPv6(src='2001:db8::9', dst='2001:db8::9')/ESP(spi=9, seq=1)";

    private static List<String> seen(String... packets) {
        try (Lab lab = new Lab(false);
                PacketSampler sampler = open(lab)) {
            List<String> all = new ArrayList<>(List.of(packets));
            all.add(LAST);
            send(lab, "02:00:00:00:00:01", all.toArray(new String[0]));
            return texts(lab, until(sampler, PacketSamplerTest::ended));
        }
    }

    private static PacketSampler open(Lab lab) {
        lab.ipIn("link", "set", "w1", "address", "02:00:00:00:00:01");
        lab.ipIn("link", "set", "lo", "up");
        return lab.call(() -> PacketSampler.open(List.of(4500, 4789), VxlanHeader::vni));
    }

    /** Sends packets of scapy by w0, and on lo, where none is counted. */
    private static void send(Lab lab, String destination, String... packets) {
        StringBuilder script = new StringBuilder(
                "from scapy.all import *\nfrom scapy.layers.ipsec import ESP\nfor device in 'lo', 'w0':\n");
        for (String packet : packets) {
            script.append(" sendp(Ether(dst='" + destination + "')/" + packet + ", iface=device, verbose=0)\n");
        }
        lab.run("/usr/bin/python3", "-c", script.toString()).ok();
    }

    /** Whether the packet that is sent last was received. Those of IPv4 are read first. */
    private static boolean ended(Map<Kind, Count> counts) {
        return counts.keySet().stream()
                .anyMatch(kind -> !kind.outgoing() && kind.spi().orElse(0) == 9);
    }

    private static Map<Kind, Count> until(PacketSampler sampler, Predicate<Map<Kind, Count>> enough) {
        return Limit.await(
                "packets",
                Limit.seconds(30),
                () -> {
                    sampler.collect(Duration.ofMillis(100));
                    return sampler.counts();
                },
                enough);
    }

    private static List<String> texts(Lab lab, Map<Kind, Count> counts) {
        return counts.entrySet().stream()
                .filter(entry -> entry.getKey().spi().orElse(0) != 9)
                .map(entry -> text(lab, entry.getKey()) + ": "
                        + entry.getValue().packets() + ", " + entry.getValue().longestBytes() + " bytes")
                .toList();
    }

    private static String text(Lab lab, Kind kind) {
        String device =
                lab.call(() -> Rtnetlink.device(kind.ifindex()).orElseThrow().name());
        String text = device + (kind.outgoing() ? " out " : " in ")
                + kind.source().getHostAddress() + " " + kind.destination().getHostAddress();
        if (kind.spi().isPresent()) {
            return text + " spi " + Integer.toHexString(kind.spi().getAsInt());
        }
        return text + " " + kind.port()
                + (kind.label().isPresent() ? " label " + kind.label().getAsInt() : "");
    }
}
