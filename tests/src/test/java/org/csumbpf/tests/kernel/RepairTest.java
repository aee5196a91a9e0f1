// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

/** The main task on this guest's kernel: what is broken, what attach repairs, what detach leaves. */
@Tag("vm")
@Order(1)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class RepairTest {
    private static final String B = "10.0.9.2";

    private final Guest guest = Guest.running();

    /**
     * Without the module decrypted packets do not reach tc. Without the backstop, attach refuses; with --force nothing
     * is repaired, and status reports that. With the backstop, status reports that it alone repairs.
     */
    @Test
    @Order(1)
    @DisplayName("without esp4_offload")
    void withoutTheOffloadModule() throws IOException {
        Path blacklist = Path.of("/etc/modprobe.d/csumbpf-test.conf");
        assertThat(Path.of("/sys/module/esp4_offload")).doesNotExist();
        try (EspLab lab = new EspLab()) {
            Files.writeString(blacklist, "install esp4_offload /bin/false\ninstall esp6_offload /bin/false\n");
            try {
                Shell.Result refused = lab.b.csumbpf("attach", "eth0", "--backstop", "never");
                assertThat(refused.code()).isEqualTo(5);
                assertThat(refused.err()).contains("esp4_offload").contains("modprobe");
                assertThat(refused.err().lines()).hasSize(1);
                lab.b
                        .csumbpf("attach", "eth0", "--force", "--backstop", "never")
                        .ok();
                assertThat(lab.loss(lab.a, B)).as("loss, attached by force").isEqualTo(100);
                JsonNode status = lab.b.json("status", "eth0").at("/attachments/0");
                assertThat(status.get("repair").asText()).isEqualTo("bypassed");
                assertThat(status.get("repair_text").asText()).contains("still broken");

                lab.onBoth(host ->
                        assertThat(host.csumbpf("attach", "eth0").ok().err()).isEmpty());
                assertThat(lab.loss(lab.a, B)).as("loss, by the backstop alone").isZero();
                status = lab.b.json("status", "eth0").at("/attachments/0");
                assertThat(status.get("path").asText()).isEqualTo("backstop");
                assertThat(status.get("path_text").asText()).contains("esp4_offload is not loaded");
            } finally {
                Files.delete(blacklist);
            }
            lab.attach("--backstop", "never");
            assertThat(lab.loss(lab.a, B))
                    .as("loss, once the module could be loaded")
                    .isZero();
        }
    }

    @Test
    @Order(2)
    @DisplayName("repaired")
    void brokenRepairedAndBrokenAgain() {
        try (EspLab lab = EspLab.withInstalledCommand()) {
            long errors = HostCounters.snmp(lab.b, "UdpInCsumErrors");
            assertThat(lab.loss(lab.a, B)).as("loss before attach").isEqualTo(100);
            assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors"))
                    .as("UdpInCsumErrors before attach")
                    .isGreaterThan(errors);

            lab.attach();
            errors = HostCounters.snmp(lab.b, "UdpInCsumErrors");
            Traffic.everything(lab, "10.0.9");
            assertThat(HostCounters.snmp(lab.b, "UdpInCsumErrors"))
                    .as("UdpInCsumErrors, attached")
                    .isEqualTo(errors);
            JsonNode status = lab.b.json("status", "eth0").at("/attachments/0");
            assertThat(status.get("repair").asText()).isEqualTo("repairing");

            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
            assertThat(Path.of("/sys/fs/bpf/csumbpf")).doesNotExist();
            assertThat(Path.of("/sys/module/esp4_offload")).doesNotExist();
        }
    }

    /** attach uses exactly the hooks that the table has for this kernel. */
    @Test
    @Order(3)
    @DisplayName("hook")
    void hook() {
        try (EspLab lab = new EspLab()) {
            Shell.Result tcx = lab.b.csumbpf("attach", "eth0", "--hook", "tcx");
            if (guest.has("tcx")) {
                tcx.ok();
                lab.b.csumbpf("detach", "eth0").ok();
            } else {
                assertThat(tcx.code()).isEqualTo(5);
                assertThat(tcx.err()).contains("6.6");
            }
            lab.b.csumbpf("attach", "eth0").ok();
            assertThat(lab.b.json("status", "eth0").at("/attachments/0/hook").asText())
                    .isEqualTo(guest.hook());
        }
    }
}
