// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Traffic;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** What IPsec decrypts after tc, with real ESP: it is repaired, and what IPsec did not decrypt never is. */
@Tag("vm")
@Order(5)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class BackstopTest {
    private static final String A = "10.0.9.1";
    private static final String B = "10.0.9.2";
    private static final int TRANSFER = 20_000_000;
    private static final int SWITCHED_TRANSFER = 6_000_000;

    /** The everyday case: "ping works, everything else hangs". */
    @Test
    @Order(1)
    @DisplayName("fragmented ESP")
    void fragmentedEsp() {
        try (EspLab lab = new EspLab("PATH_MTU=1280")) {
            lab.attach("--vni", "4109", "--backstop", "never");
            assertThat(lab.loss(lab.a, B)).as("loss of small pings, tc alone").isZero();
            assertThat(lab.loss(lab.a, B, 1272))
                    .as("loss of 1,300 bytes, tc alone")
                    .isEqualTo(100);

            lab.attach("--vni", "4109");
            assertThat(lab.b.json("status", "eth0").at("/attachments/0/path").asText())
                    .isEqualTo("tc+backstop");
            assertEverySizePasses(lab);
            Traffic.tcp(lab.a, lab.b, B, TRANSFER);
            for (Host host : new Host[] {lab.a, lab.b}) {
                host.run("ip", "link", "set", "eth0", "mtu", "1460").ok(); // as on GCE
            }
            lab.nat.run("ip", "link", "set", "eth0", "mtu", "1460").ok();
            lab.nat.run("ip", "link", "set", "eth1", "mtu", "1460").ok();
            long before = lab.b.repaired("backstop");
            assertEverySizePasses(lab);
            Traffic.tcp(lab.b, lab.a, A, TRANSFER);
            assertThat(lab.b.repaired("backstop")).as("by the backstop").isGreaterThan(before);
            assertThat(lab.b.repaired("tc")).as("by tc").isPositive();

            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
            assertThat(lab.loss(lab.a, B, 1396)).as("loss after detach").isEqualTo(100);
            assertThat(lab.b.run("nft", "list", "tables").ok().out()).doesNotContain("csumbpf");
        }
    }

    @Test
    @Order(2)
    @DisplayName("GRO off, generic XDP, switching")
    void withoutGro() throws IOException {
        try (EspLab lab = new EspLab()) {
            lab.b.run("ethtool", "-K", "eth0", "gro", "off").ok();
            lab.attach();
            JsonNode status = lab.b.json("status", "eth0").at("/attachments/0");
            assertThat(status.get("path").asText()).isEqualTo("backstop");
            assertThat(status.get("path_text").asText()).contains("GRO is off on eth0");
            Traffic.everything(lab, "10.0.9");
            assertThat(lab.b.repaired("tc")).as("by tc").isZero();
            status = lab.b.json("status", "eth0").at("/attachments/0");
            assertThat(status.get("repair").asText()).isEqualTo("repairing");
            // Each packet is repaired once: as many as the VXLAN device received.
            long received = HostCounters.received(lab.b, "vxlan0");
            long repaired = lab.b.repaired("backstop");
            assertThat(lab.loss(lab.a, B)).isZero();
            assertThat(lab.b.repaired("backstop") - repaired)
                    .isEqualTo(HostCounters.received(lab.b, "vxlan0") - received);

            // The other path takes over during a transfer, in both modes.
            for (String mode : new String[] {"auto", "recompute"}) {
                lab.attach("--mode", mode);
                long errors = badChecksums(lab);
                boolean on = true;
                // A transfer may end before the second switch; then there is another one.
                for (int switched = 0; switched < 3; ) {
                    CompletableFuture<Void> transfer =
                            CompletableFuture.runAsync(() -> Traffic.tcp(lab.a, lab.b, B, SWITCHED_TRANSFER));
                    while (!transfer.isDone()) {
                        lab.b
                                .run("ethtool", "-K", "eth0", "gro", on ? "on" : "off")
                                .ok();
                        on = !on;
                        switched++;
                    }
                    transfer.join();
                }
                assertThat(badChecksums(lab))
                        .as("UdpInCsumErrors, mode %s", mode)
                        .isEqualTo(errors);
            }
            assertThat(lab.b.repaired("tc")).as("by tc, while GRO was on").isPositive();

            lab.b.run("ethtool", "-K", "eth0", "gro", "on").ok();
            Path object = Files.createTempFile("foreign", ".o");
            Lab.compile(object);
            lab.b
                    .run("ip", "link", "set", "dev", "eth0", "xdpgeneric", "obj", object.toString(), "sec", "xdp")
                    .ok();
            Files.delete(object);
            long byTc = lab.b.repaired("tc");
            assertThat(lab.loss(lab.a, B)).as("loss with generic XDP").isZero();
            assertThat(lab.b.repaired("tc")).as("by tc, with generic XDP").isEqualTo(byTc);

            lab.b.csumbpf("attach", "eth0", "--mode", "observe").ok();
            assertThat(lab.loss(lab.a, B)).as("loss with observe").isEqualTo(100);
            assertThat(lab.b
                            .json("stats")
                            .at("/attachments/0/counters/0/backstop/unjudged/packets")
                            .asLong())
                    .isPositive();
            lab.b.csumbpf("attach", "eth0", "--backstop", "never", "--force").ok();
            assertThat(lab.loss(lab.a, B)).as("loss with tc alone").isEqualTo(100);
            assertThat(lab.b.json("status").at("/attachments/0/path").asText()).isEqualTo("none");
            lab.b.run("ip", "link", "set", "dev", "eth0", "xdpgeneric", "off").ok();
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    @Test
    @Order(3)
    @DisplayName("veth")
    void veth() {
        try (EspLab lab = new EspLab("LINK=veth", "GRO=off")) {
            assertThat(lab.loss(lab.a, B)).as("loss before attach").isEqualTo(100);
            lab.attach("--vni", "4109");
            Traffic.everything(lab, "10.0.9");
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    /** To conntrack a decrypted packet with a bad checksum is "invalid", and this host drops such packets. */
    @Test
    @Order(4)
    @DisplayName("Docker's nftables rules, ct invalid dropped")
    void dockersNftablesAndConntrack() {
        try (EspLab lab = new EspLab("GUARD=nft", "PATH_MTU=1280")) {
            for (Host host : new Host[] {lab.a, lab.b}) {
                Shell.input(
                                "add table ip firewall\n"
                                        + "add chain ip firewall pre { type filter hook prerouting priority -150; }\n"
                                        + "add rule ip firewall pre ct state invalid counter drop\n",
                                host.in("nft", "-f", "-"))
                        .ok();
            }
            long errors = badChecksums(lab);
            assertThat(lab.loss(lab.a, B)).as("loss before attach").isEqualTo(100);
            assertThat(badChecksums(lab))
                    .as("UdpInCsumErrors, where conntrack drops")
                    .isEqualTo(errors);
            lab.attach("--vni", "4109");
            Traffic.everything(lab, "10.0.9");
            assertThat(lab.b.repaired("tc")).as("by tc").isPositive();
            assertThat(lab.b.repaired("backstop")).as("by the backstop").isPositive();
            String tables = lab.b.run("nft", "list", "ruleset").ok().out();
            assertThat(tables).contains("table ip docker-overlay").contains("table ip firewall");
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
            assertThat(lab.b.run("nft", "list", "tables").ok().out())
                    .isEqualToIgnoringWhitespace("table ip docker-overlay\ntable ip firewall");
        }
    }

    /**
     * nftables can only write 0, which IPv6 rejects, so packets go over lo, where a program recomputes. GRO is off and
     * nothing is fragmented, because the sending kernel does not fragment ESP over IPv6 (Ip6FragFails counts it).
     */
    @Test
    @Order(5)
    @DisplayName("IPv6 after tc")
    void ipv6() {
        try (EspLab lab = new EspLab("FAMILY=6", "NAT=both", "OVERLAY_MTU=1400")) {
            lab.onBoth(host -> host.run("ethtool", "-K", "eth0", "gro", "off").ok());
            lab.attach("--vni", "4109", "--backstop", "never", "--force");
            assertThat(lab.loss(lab.a, B)).as("loss, tc alone").isEqualTo(100);
            lab.attach("--vni", "4109");
            long errors = HostCounters.snmp(lab.b, "Udp6InCsumErrors");
            Traffic.everything(lab, "10.0.9");
            lab.b.run("ethtool", "-K", "eth0", "gro", "on").ok();
            assertThat(lab.loss(lab.a, B, 1372)).as("loss by tc").isZero();
            Traffic.tcp(lab.a, lab.b, B, 1_000_000);
            assertThat(HostCounters.snmp(lab.b, "Udp6InCsumErrors")).isEqualTo(errors);
            JsonNode counters = lab.b.json("stats").at("/attachments/0/counters/0");
            assertThat(counters.at("/repaired/packets").asLong()).as("by tc").isPositive();
            assertThat(counters.at("/backstop/repaired/packets").asLong())
                    .as("by the backstop")
                    .isPositive();
            assertThat(counters.at("/backstop/good/packets").asLong())
                    .as("repaired by tc, and once more checked by the backstop")
                    .isZero();
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
            assertThat(lab.b.run("tc", "filter", "show", "dev", "lo", "ingress").out())
                    .isBlank();
            assertThat(lab.b.run("tc", "qdisc", "show", "dev", "lo").ok().out()).doesNotContain("clsact");
        }
    }

    private static void assertEverySizePasses(EspLab lab) {
        String pings = Shell.CHECKOUT.resolve("tests/lab/pings.py").toString();
        assertThat(lab.a.run(pings, B, "1200", "1424").ok().out().strip())
                .as("sizes from 1,200 to 1,424 bytes that did not come back")
                .isEmpty();
    }

    private static long badChecksums(EspLab lab) {
        return HostCounters.snmp(lab.a, "UdpInCsumErrors") + HostCounters.snmp(lab.b, "UdpInCsumErrors");
    }
}
