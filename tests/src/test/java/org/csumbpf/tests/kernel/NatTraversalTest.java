// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Traffic;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * ESP in UDP: the kernel itself ignores the checksum (RFC 3948, section 3.1.2), so it works without and with csumbpf.
 *
 * <p>Must be the last test. The kernel logs "hw csum failure" here by itself, because VXLAN takes the ignored checksum
 * for one that a card computed. From 6.1 on it logs that once after boot, so no later test could detect it.
 */
@Tag("vm")
@Order(9)
class NatTraversalTest {
    private static final String B = "10.0.9.2";

    @RegisterExtension
    final KernelLog log = new KernelLog();

    @Test
    @DisplayName("NAT-T")
    void worksWithoutAndWith() {
        try (EspLab lab = new EspLab("ENCAP=udp")) {
            assertThat(lab.loss(lab.a, B)).as("loss without csumbpf").isZero();
            assertThat(lab.loss(lab.b, "10.0.9.1")).as("loss without csumbpf").isZero();
            log.leaveOutIfTheKernelWarnsByItself();
            lab.attach();
            Traffic.everything(lab, "10.0.9");
            lab.attach("--mode", "recompute");
            assertThat(lab.loss(lab.a, B)).as("loss with recompute").isZero();
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isZero();
        }
    }
}
