// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Traffic;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tests modes and rules with real ESP. */
@Tag("vm")
@Order(2)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ModesTest {
    private static final String B = "10.0.9.2";
    /** a's own address if NAT=both. */
    private static final String A_INSIDE = "10.98.0.2";

    @Test
    @Order(1)
    @DisplayName("zero, recompute, observe")
    void modes() {
        try (EspLab lab = new EspLab()) {
            lab.attach("--mode", "zero");
            assertThat(lab.loss(lab.a, B)).as("loss with zero").isZero();
            lab.attach("--mode", "recompute");
            assertThat(lab.loss(lab.a, B)).as("loss with recompute").isZero();
            assertThat(lab.loss(lab.a, B, 1396)).as("with recompute, full size").isZero();
            Traffic.tcp(lab.a, lab.b, B, 1_000_000);
            JsonNode both = lab.b.json("stats").at("/attachments/0/counters/0");
            assertThat(both.at("/repaired/packets").asLong()).as("by tc").isPositive();
            assertThat(both.at("/backstop/repaired/packets").asLong())
                    .as("once more by the backstop")
                    .isZero();

            lab.b
                    .csumbpf("attach", "eth0", "--mode", "observe", "--vni", "4109")
                    .ok();
            assertThat(lab.loss(lab.a, B)).as("loss with observe").isEqualTo(100);
            JsonNode status = lab.b.json("status", "eth0").at("/attachments/0");
            assertThat(status.get("repair").asText()).isEqualTo("broken");
            assertThat(status.at("/counters/0/bad/packets").asLong()).isPositive();
            assertThat(status.at("/counters/0/backstop/unjudged/packets").asLong())
                    .as("judged by tc, and counted again by the backstop")
                    .isZero();
            assertThat(status.at("/counters/0/repaired/packets").asLong()).isZero();
        }
    }

    private static void adjust(EspLab lab) {
        lab.attach("--vni", "4109", "--mode", "adjust", "--verify", "1");
        long errors = HostCounters.snmp(lab.b, "UdpInCsumErrors");
        assertThat(lab.loss(lab.a, B)).as("loss with adjust").isZero();
        assertThat(lab.loss(lab.b, "10.0.9.1", 1396))
                .as("with adjust, full size")
                .isZero();
        Traffic.tcp(lab.a, lab.b, B, 300_000);
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors")).isEqualTo(errors);
        JsonNode stats = lab.b.json("stats", "--peers").at("/attachments/0");
        assertThat(stats.at("/counters/0/repaired/packets").asLong()).isPositive();
        assertThat(stats.at("/counters/0/corrupt/packets").asLong()).isZero();
        assertThat(stats.at("/peers/0/delta_trusted").asBoolean()).isTrue();

        // Datagrams damaged before ESP protected them: the kernel still detects them, and each is counted.
        long received = HostCounters.received(lab.b, "vxlan0");
        datagrams(lab, 30, A_INSIDE, "damaged");
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors") - errors)
                .as("damaged datagrams, dropped by the kernel")
                .isEqualTo(30);
        assertThat(corrupt(lab)).isEqualTo(30);
        assertThat(HostCounters.received(lab.b, "vxlan0") - received)
                .as("damaged datagrams, delivered")
                .isLessThan(30);
        received = HostCounters.received(lab.b, "vxlan0");
        datagrams(lab, 30, A_INSIDE);
        assertThat(HostCounters.received(lab.b, "vxlan0") - received)
                .as("sound ones, delivered")
                .isGreaterThanOrEqualTo(30);
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors") - errors).isEqualTo(30);

        // Now one packet in 64 is verified, and still none of them is delivered.
        lab.b.csumbpf("attach", "eth0", "--vni", "4109", "--mode", "adjust").ok();
        datagrams(lab, 30, A_INSIDE, "damaged");
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors") - errors).isEqualTo(60);

        // Another host takes over the public address, so its checksums are off by another delta.
        lab.b
                .csumbpf("attach", "eth0", "--vni", "4109", "--mode", "adjust", "--verify", "1")
                .ok();
        errors = HostCounters.snmp(lab.b, "UdpInCsumErrors");
        datagrams(lab, 30, "10.98.0.77");
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors") - errors)
                .as("lost until the other mapping was believed")
                .isEqualTo(2);

        // The other modes make a wrong checksum right.
        lab.b.csumbpf("attach", "eth0", "--vni", "4109", "--mode", "zero").ok();
        errors = HostCounters.snmp(lab.b, "UdpInCsumErrors");
        datagrams(lab, 30, A_INSIDE, "damaged");
        assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors") - errors)
                .as("zero: nobody finds out")
                .isZero();
    }

    private static long corrupt(EspLab lab) {
        return lab.b
                .json("stats")
                .at("/attachments/0/counters/0/corrupt/packets")
                .asLong();
    }

    private static void datagrams(EspLab lab, int count, String... source) {
        String[] script = {
            Shell.CHECKOUT.resolve("tests/lab/frames.py").toString(),
            "vxlan",
            "203.0.113.10",
            "4109",
            Integer.toString(count)
        };
        lab.a.run(Shell.join(script, source)).ok();
    }

    @Test
    @Order(2)
    @DisplayName("two VNIs")
    void oneOfTwoVnis() {
        try (EspLab lab = new EspLab("VNIS=4109 4110")) {
            lab.attach("--vni", "4109");
            assertThat(lab.loss(lab.a, B)).as("loss on the VNI with a rule").isZero();
            assertThat(lab.loss(lab.a, "10.0.10.2")).as("loss on the other").isEqualTo(100);
            lab.onBoth(host -> host.csumbpf("vni", "add", "eth0", "4110").ok());
            assertThat(lab.loss(lab.a, "10.0.10.2")).as("loss after vni add").isZero();
            lab.b.csumbpf("vni", "remove", "eth0", "4109").ok();
            assertThat(lab.loss(lab.a, B)).as("loss after vni remove").isEqualTo(100);
            assertThat(lab.loss(lab.a, "10.0.10.2")).as("the other stays").isZero();
        }
    }

    @Test
    @Order(3)
    @DisplayName("port 7789")
    void otherPort() {
        try (EspLab lab = new EspLab("PORT=7789")) {
            lab.attach("--port", "7789");
            Traffic.everything(lab, "10.0.9");
        }
    }

    @Test
    @Order(4)
    @DisplayName("NAT on both sides, adjust")
    void natOnBothSides() {
        try (EspLab lab = new EspLab("NAT=both")) {
            assertThat(lab.loss(lab.a, B)).as("loss before attach").isEqualTo(100);
            lab.attach();
            Traffic.everything(lab, "10.0.9");
            adjust(lab);
        }
    }

    @Test
    @Order(5)
    @DisplayName("IPv6 and NAT66, adjust")
    void ipv6() {
        try (EspLab lab = new EspLab("FAMILY=6", "NAT=both", "OVERLAY_MTU=1400")) {
            long errors = HostCounters.snmp(lab.b, "Udp6InCsumErrors");
            assertThat(lab.loss(lab.a, B)).as("loss before attach").isEqualTo(100);
            assertThat(HostCounters.snmp(lab.b, "Udp6InCsumErrors")).isGreaterThan(errors);
            lab.attach("--mode", "recompute");
            errors = HostCounters.snmp(lab.b, "Udp6InCsumErrors");
            Traffic.everything(lab, "10.0.9");
            assertThat(HostCounters.snmp(lab.b, "Udp6InCsumErrors")).isEqualTo(errors);

            lab.attach("--mode", "adjust", "--backstop", "never");
            assertThat(lab.loss(lab.a, B)).as("loss with adjust").isZero();
            assertThat(lab.loss(lab.b, "10.0.9.1", 1372))
                    .as("with adjust, full size")
                    .isZero();
            Traffic.tcp(lab.a, lab.b, B, 300_000);
            assertThat(HostCounters.snmp(lab.b, "Udp6InCsumErrors")).isEqualTo(errors);
            JsonNode stats = lab.b.json("stats", "--peers").at("/attachments/0");
            assertThat(stats.at("/counters/0/corrupt/packets").asLong()).isZero();
            assertThat(stats.at("/peers/0/delta_trusted").asBoolean()).isTrue();

            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
        }
    }
}
