// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.csumbpf.loader.host.ArrivalMonitor;
import org.csumbpf.loader.host.ArrivalMonitor.Arrival;
import org.csumbpf.tests.lab.Lab;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What ArrivalMonitor sees of packets that come in by w1 and w3. AgentEspTest has devices above others. */
@Tag("root")
class ArrivalMonitorTest {
    private static final String SPI = "ESP(spi=0x87654321, seq=1)";
    private static final int PORT = 4789;

    private final Lab lab = new Lab(false);

    @BeforeEach
    void up() {
        lab.ipIn("link", "set", "w1", "address", "02:00:00:00:00:01");
        lab.ipIn("link", "set", "w3", "address", "02:00:00:00:00:01");
    }

    @AfterEach
    void close() {
        lab.close();
    }

    /** Sends frames of scapy by w0 (to w1) or w2 (to w3), and returns what was seen until the last one came by w3. */
    private List<String> seen(List<Integer> ports, List<String> ignored, String... frames) {
        List<Integer> ifindexes = ignored.stream().map(lab::ifindex).toList();
        List<String> seen = new ArrayList<>();
        try (ArrivalMonitor monitor = lab.call(() -> ArrivalMonitor.open(ports, ifindexes))) {
            StringBuilder script = new StringBuilder("from scapy.all import *\n"
                    + "from scapy.layers.ipsec import ESP\ndef by(device, packet): sendp(Ether(dst='02:00:00:00:00:01')/packet, "
                    + "iface=device, verbose=0)\n");
            for (String frame : frames) {
                script.append(frame).append('\n');
            }
            script.append("by('w2', IP(src='9.9.9.9', dst='9.9.9.9')/ESP(spi=1, seq=1))\n");
            lab.run("/usr/bin/python3", "-c", script.toString()).ok();
            boolean ended = false;
            while (!ended) {
                List<Arrival> arrivals = monitor.await(10_000, 1000);
                assertThat(arrivals).as("the last one comes").isNotEmpty();
                for (Arrival arrival : arrivals) {
                    String packet = arrival.source().getHostAddress() + " "
                            + arrival.destination().getHostAddress() + " "
                            + (arrival.spi().isPresent()
                                    ? Integer.toHexString(arrival.spi().getAsInt())
                                    : "udp");
                    if (packet.startsWith("9.9.9.9")) {
                        ended = true; // those of IPv6 come after it
                    } else {
                        seen.add(name(arrival.ifindex()) + " " + packet);
                    }
                }
            }
        }
        return seen;
    }

    private String name(int ifindex) {
        return lab.run("sh", "-c", "ip -o link | sed -n 's/^" + ifindex + ": \\([^@:]*\\).*/\\1/p'")
                .ok()
                .out()
                .strip();
    }

    @Test
    void espAndVxlanOfBothFamilies() {
        assertThat(seen(
                        List.of(PORT),
                        List.of(),
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2')/" + SPI + ")",
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2', options=[IPOption_NOP()]*8)/" + SPI + ")",
                        "by('w2', IP(src='192.0.2.3', dst='192.0.2.4')/UDP(sport=1, dport=4789)/Raw(b'x'*1400))",
                        "by('w2', IP(src='192.0.2.3', dst='192.0.2.4', options=[IPOption_NOP()]*8)/UDP(dport=4789))",
                        "by('w0', IPv6(src='2001:db8::1', dst='2001:db8::2')/" + SPI + ")",
                        "by('w0', IPv6(src='2001:db8::1', dst='2001:db8::2')/UDP(dport=4789))"))
                .containsExactlyInAnyOrder(
                        "w1 192.0.2.1 192.0.2.2 87654321",
                        "w1 192.0.2.1 192.0.2.2 87654321",
                        "w3 192.0.2.3 192.0.2.4 udp",
                        "w3 192.0.2.3 192.0.2.4 udp",
                        "w1 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 87654321",
                        "w1 2001:db8:0:0:0:0:0:1 2001:db8:0:0:0:0:0:2 udp");
    }

    @Test
    void nothingElse() {
        assertThat(seen(
                        List.of(PORT),
                        List.of(),
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2')/UDP(sport=4789, dport=4790))",
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2')/TCP(dport=4789))",
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2', proto=50, frag=100)/Raw(b'x'*64))",
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2', proto=50))",
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2', proto=17)/Raw(b'x'))",
                        "by('w0', IPv6(src='2001:db8::1', dst='2001:db8::2')/TCP(dport=4789))",
                        "by('w0', ARP())",
                        "sendp(Ether(dst='02:00:00:00:00:99')/IP(src='192.0.2.1', dst='192.0.2.2')/" + SPI
                                + ", iface='w0', verbose=0)"))
                .isEmpty();
    }

    @Test
    void ofDevicesThatAreOfInterest() {
        List<String> many = IntStream.range(0, 100)
                .mapToObj(i -> "d" + i)
                .peek(name -> lab.ipIn("link", "add", name, "type", "veth", "peer", "name", "e" + name))
                .toList();
        List<String> ignored = new ArrayList<>(many);
        ignored.add("w1");
        assertThat(seen(
                        List.of(1, 2, 3, PORT, 5),
                        ignored,
                        "by('w0', IP(src='192.0.2.1', dst='192.0.2.2')/" + SPI + ")",
                        "by('w2', IP(src='192.0.2.3', dst='192.0.2.4')/" + SPI + ")",
                        "by('w2', IP(src='192.0.2.5', dst='192.0.2.6')/UDP(dport=5))",
                        "by('w2', IP(src='192.0.2.5', dst='192.0.2.6')/UDP(dport=1))",
                        "by('w2', IP(src='192.0.2.5', dst='192.0.2.6')/UDP(dport=4))"))
                .containsExactlyInAnyOrder(
                        "w3 192.0.2.3 192.0.2.4 87654321", "w3 192.0.2.5 192.0.2.6 udp", "w3 192.0.2.5 192.0.2.6 udp");
    }
}
