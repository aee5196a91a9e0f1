// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.HostCounters;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.extension.ExtendWith;

/** Stacked devices: a packet passes the hooks of both, the lower one's first, and is repaired once. */
@Tag("vm")
@Order(3)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class StackedDevicesTest {
    private static final String B = "10.0.9.2";

    @Test
    @Order(1)
    @DisplayName("VLAN")
    void vlan(TestReporter reporter) {
        try (EspLab lab = new EspLab("UNDERLAY=vlan")) {
            repairsOnce(lab, List.of("eth0"), "eth0.100");
            if (!Guest.running().has("vlan-gro")) {
                // These cards leave the tag in the frame, and this kernel's GRO does not find ESP after it.
                saysBypassed(lab, "eth0");
                saysBypassed(lab, "eth0.100");
                reporter.publishEntry("outcome", "ok, by the backstop");
            }
        }
    }

    private static void saysBypassed(EspLab lab, String device) {
        lab.b.csumbpf("attach", device, "--backstop", "never").ok();
        assertThat(lab.loss(lab.a, B)).as("loss, tc alone on %s", device).isEqualTo(100);
        assertThat(lab.b.json("status", device).at("/attachments/0/repair").asText())
                .isEqualTo("bypassed");
        lab.b.csumbpf("detach", device).ok();
    }

    @Test
    @Order(2)
    @DisplayName("bond")
    void bond() {
        try (EspLab lab = new EspLab("UNDERLAY=bond")) {
            repairsOnce(lab, List.of("eth0", "eth1"), "bond0");
        }
    }

    private static void repairsOnce(EspLab lab, List<String> lower, String upper) {
        lab.a.csumbpf("attach", "eth0").ok();
        for (List<String> devices : List.of(lower, List.of(upper))) {
            devices.forEach(device -> lab.b.csumbpf("attach", device).ok());
            assertRepairedOnce(lab, "attached to " + devices);
            if (devices != lower) {
                continue;
            }
            lab.b.csumbpf("detach", "--all").ok();
        }
        lower.forEach(device -> lab.b.csumbpf("attach", device).ok());
        assertRepairedOnce(lab, "attached to both");
        lab.b.csumbpf("detach", "--all").ok();
        assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
    }

    private static void assertRepairedOnce(EspLab lab, String when) {
        Counts before = Counts.of(lab);
        assertThat(lab.loss(lab.a, B)).as("loss, " + when).isZero();
        assertThat(lab.loss(lab.a, B, 1396)).as("loss at full size, " + when).isZero();
        Counts after = Counts.of(lab);
        assertThat(after.repaired - before.repaired)
                .as("packets repaired, " + when)
                .isEqualTo(after.received - before.received)
                .isGreaterThanOrEqualTo(10);
    }

    /** Both counts at the same moment, because hosts also send packets by themselves. */
    private record Counts(long repaired, long received) {
        static Counts of(EspLab lab) {
            while (true) {
                long received = HostCounters.received(lab.b, "vxlan0");
                Counts counts = new Counts(lab.b.repaired("tc") + lab.b.repaired("backstop"), received);
                if (HostCounters.received(lab.b, "vxlan0") == received) {
                    return counts;
                }
            }
        }
    }
}
