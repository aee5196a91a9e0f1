// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Traffic;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** Host b receives ESP from a tunnel, a device without an Ethernet header. */
@Tag("vm")
@Order(6)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class WithoutEthernetTest {
    private static final String A = "10.0.9.1";
    private static final String B = "10.0.9.2";
    private static final String DEVICE = "tunnel0";
    private static final Path MODULE = Path.of("/sys/module/esp4_offload");

    @Test
    @Order(1)
    @DisplayName("WireGuard below")
    void wireguard() {
        try (EspLab lab = new EspLab("UNDERLAY=wireguard")) {
            assertThat(lab.loss(lab.a, B)).as("loss without csumbpf").isEqualTo(100);
            attach(lab);
            // ESP is longer than WireGuard's MTU of 1,420, so it arrives in fragments and the backstop repairs it.
            assertEverythingArrives(lab, 1396);
            assertThat(lab.b.repaired("tc")).as("repaired by the program").isPositive();
            assertThat(lab.b.repaired("backstop"))
                    .as("repaired by the backstop")
                    .isPositive();
            Traffic.tcp(lab.a, lab.b, B, 300_000);
            for (String mode : new String[] {"recompute", "zero"}) {
                lab.b
                        .csumbpf("attach", DEVICE, "--backstop", "never", "--mode", mode)
                        .ok();
                assertThat(lab.loss(lab.a, B)).as("loss, tc alone, " + mode).isZero();
            }
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    @Test
    @Order(2)
    @Tag("test-all")
    @DisplayName("ipip below")
    void ipip() {
        byTheBackstop("ipip");
    }

    @Test
    @Order(3)
    @DisplayName("gre below")
    void gre() {
        byTheBackstop("gre");
    }

    @Test
    @Order(4)
    @Tag("test-all")
    @DisplayName("sit below")
    void sit() {
        byTheBackstop("sit");
    }

    @Test
    @Order(5)
    @Tag("test-all")
    @DisplayName("ip6tnl below")
    void ip6tnl() {
        byTheBackstop("ip6tnl");
    }

    @Test
    @Order(6)
    @Tag("test-all")
    @DisplayName("ip6gre below")
    void ip6gre() {
        byTheBackstop("ip6gre");
    }

    /**
     * Over IPv6 only senders fragment, and none fragments ESP, so the overlay's packets must fit into WireGuard's 1,420
     * bytes.
     */
    @Test
    @Order(7)
    @Tag("test-all")
    @DisplayName("IPv6 over WireGuard below")
    void ipv6OverWireguard() {
        try (EspLab lab = new EspLab("UNDERLAY=wireguard", "FAMILY=6", "OVERLAY_MTU=1300")) {
            assertThat(lab.loss(lab.a, B)).as("loss without csumbpf").isEqualTo(100);
            attach(lab);
            assertEverythingArrives(lab, 1272);
            assertThat(lab.b.repaired("tc")).as("repaired by the program").isPositive();
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    /** PPP never gives packets to GRO, so the module changes nothing there: an attachment to another card may load it. */
    @Test
    @Order(8)
    @DisplayName("ppp below")
    void ppp() {
        try (EspLab lab = new EspLab("UNDERLAY=ppp")) {
            assertThat(lab.loss(lab.a, B)).as("loss without csumbpf").isEqualTo(100);
            assertThat(lab.b.csumbpf("attach", DEVICE, "--backstop", "never").err())
                    .contains("ESP that " + DEVICE + " (ppp) receives is decrypted after tc")
                    .hasLineCount(1);
            assertThat(lab.b.csumbpf("attach", DEVICE).ok().out())
                    .contains("path: the nftables backstop alone")
                    .doesNotContain("loaded module");
            lab.a.csumbpf("attach", "eth0").ok();
            assertEverythingArrives(lab, 1396);
            assertThat(lab.b.repaired("backstop"))
                    .as("repaired by the backstop")
                    .isGreaterThanOrEqualTo(10);
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    /**
     * No host may load esp4_offload here: with the module, Linux 6.1 drops ESP that comes out of an IP tunnel (counted
     * in IpExtInTruncatedPkts or Ip6InTruncatedPkts). So attach does not load it, neither for the tunnel nor for
     * another host's card.
     */
    private static void byTheBackstop(String kind) {
        assertThat(MODULE).doesNotExist();
        try (EspLab lab = new EspLab("UNDERLAY=" + kind)) {
            assertThat(lab.loss(lab.a, B)).as("loss without csumbpf").isEqualTo(100);
            Shell.Result refused = lab.b.csumbpf("attach", DEVICE, "--backstop", "never");
            assertThat(refused.code()).isEqualTo(5);
            assertThat(refused.err())
                    .contains("ESP that " + DEVICE + " (" + kind + ") receives is decrypted after tc")
                    .hasLineCount(1);
            assertThat(lab.b.csumbpf("attach", DEVICE).ok().out())
                    .contains("path: the nftables backstop alone")
                    .doesNotContain("loaded module");
            assertThat(lab.a.csumbpf("attach", "eth0").ok().err())
                    .contains("would break traffic on this host (ESP inside the " + kind + " tunnel " + DEVICE
                            + " is lost;" + " network namespace csumbpf-b)");
            assertThat(MODULE).doesNotExist();
            assertEverythingArrives(lab, 1396);
            assertThat(lab.b.repaired("backstop"))
                    .as("repaired by the backstop")
                    .isGreaterThanOrEqualTo(10);
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }

    private static void attach(EspLab lab) {
        lab.onBoth(
                host -> host.csumbpf("attach", host == lab.b ? DEVICE : "eth0").ok());
    }

    private static void assertEverythingArrives(EspLab lab, int large) {
        assertThat(lab.loss(lab.a, B)).as("loss of pings from a").isZero();
        assertThat(lab.loss(lab.b, A)).as("loss of pings from b").isZero();
        assertThat(lab.loss(lab.a, B, large)).as("loss of large pings from a").isZero();
    }
}
