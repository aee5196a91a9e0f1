// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Prometheus;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** What an operator sees of real ESP: the metrics in a real Prometheus, and status. */
@Tag("monitoring")
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class MonitoringTest {
    private static final String B = "10.0.9.2";
    private static final Duration PATIENCE = Limit.seconds(240);
    /**
     * The minimum time of each state, so that a picture of the data shows it and a false alert would fire. Not a limit.
     */
    private static final long STATE_MILLIS = 30_000;

    private static final String ERRORS = "sum(rate(csumbpf_host_udp_checksum_errors_total{netns=\"csumbpf-b\"}[20s]))";

    private static String repaired(String path) {
        return "sum(rate(csumbpf_packets_total{netns=\"csumbpf-b\",path=\"" + path + "\",outcome=\"repaired\"}[20s]))";
    }

    private static final String OFF_PATH = "csumbpf_off_path{netns=\"csumbpf-b\"}";

    /** Prometheus' data stay in the results: tests/prometheus/picture draws docs/dashboard.png from them. */
    @Test
    @Order(1)
    @DisplayName("broken, repaired, bypassed, repaired again, by a real Prometheus")
    void brokenBeforeRepairedAfter() throws Exception {
        Path directory = Files.createDirectory(Path.of(System.getenv("CSUMBPF_RESULTS"), "prometheus"));
        List<Process> pings = new ArrayList<>();
        try (EspLab lab = new EspLab("PATH_MTU=1280");
                ServeProcess serve = new ServeProcess(lab.b, "--max-peers", "10");
                Prometheus prometheus = new Prometheus(serve, directory, 5)) {
            try {
                // While no packet arrives, ARP would give up and a would send almost nothing.
                lab.a
                        .run("ip", "neigh", "replace", B, "lladdr", macOf(lab), "dev", "vxlan0", "nud", "permanent")
                        .ok();
                pings.add(ping(lab, "56"));
                lab.a.csumbpf("attach", "eth0", "--vni", "4109").ok();
                lab.b
                        .csumbpf("attach", "eth0", "--vni", "4109", "--mode", "observe")
                        .ok();
                prometheus.await(ERRORS, PATIENCE, rate -> rate > 2);
                assertThat(lab.b.repaired("tc"))
                        .as("repaired while it only observes")
                        .isZero();
                Limit.pause(STATE_MILLIS);
                assertThat(prometheus.values(OFF_PATH))
                        .as("these errors are explained")
                        .containsExactly(0.0);

                lab.b
                        .csumbpf("attach", "eth0", "--vni", "4109", "--backstop", "never")
                        .ok();
                prometheus.await(repaired("tc"), PATIENCE, rate -> rate > 2);
                prometheus.await(ERRORS, PATIENCE, rate -> rate == 0);
                Limit.pause(STATE_MILLIS);
                assertThat(prometheus.values(ERRORS)).containsExactly(0.0);
                assertThat(prometheus.values(OFF_PATH)).containsExactly(0.0);
                assertThat(prometheus.alerts()).doesNotContain("CsumbpfOffPath");
                assertThat(verdict(lab)).isEqualTo("repairing");

                // Fragmented, so these packets bypass tc.
                pings.add(ping(lab, "1272"));
                prometheus.await(OFF_PATH, PATIENCE, value -> value == 1);
                serve.awaitLog(line -> line.contains("still broken: the host dropped"));
                assertThat(verdict(lab)).isEqualTo("bypassed");
                prometheus.await("count(ALERTS{alertname=\"CsumbpfOffPath\"})", PATIENCE, count -> count == 1);
                Limit.pause(STATE_MILLIS);

                lab.b.csumbpf("attach", "eth0", "--vni", "4109").ok();
                prometheus.await(repaired("backstop"), PATIENCE, rate -> rate > 2);
                prometheus.await(OFF_PATH, PATIENCE, value -> value == 0);
                prometheus.await(ERRORS, PATIENCE, rate -> rate == 0);
                assertThat(verdict(lab)).isEqualTo("repairing");
                assertThat(lab.loss(lab.a, B, 1272)).as("loss at the end").isZero();
                Limit.pause(STATE_MILLIS);
                assertThat(prometheus.alerts()).doesNotContain("CsumbpfOffPath");
                assertThat(serve.log().stream().filter(line -> line.contains("level=warn msg=\"csumbpf-b/")))
                        .as("said once, and nothing else was amiss")
                        .singleElement(InstanceOfAssertFactories.STRING)
                        .contains("still broken: the host dropped");
            } finally {
                pings.forEach(Process::destroy);
                lab.detach();
                System.out.println(String.join("\n", serve.log()));
            }
        }
    }

    /** All pins end with the mount, and so does the attachment if it is a link. */
    @Test
    @Order(2)
    @DisplayName("bpffs unmounted under serve")
    void bpffsUnmounted() {
        try (EspLab lab = new EspLab();
                ServeProcess serve = new ServeProcess(lab.b)) {
            lab.attach("--vni", "4109");
            assertThat(serve.value("csumbpf_attached", "netns=\"csumbpf-b\"")).isEqualTo(1);
            Shell.run("umount", "-l", "/sys/fs/bpf").ok();
            for (int i = 0; i < 3; i++) {
                assertThat(serve.value("csumbpf_attached", "netns=\"csumbpf-b\""))
                        .isNotEqualTo(1);
            }
            assertThat(serve.get("/-/healthy").statusCode()).isEqualTo(200);
            System.out.println(String.join("\n", serve.log()));
            lab.attach("--vni", "4109");
            assertThat(serve.value("csumbpf_attached", "netns=\"csumbpf-b\"")).isEqualTo(1);
            assertThat(lab.loss(lab.a, B)).as("loss after the next attach").isZero();
            assertThat(serve.value(
                            "csumbpf_packets_total", "netns=\"csumbpf-b\"", "path=\"tc\"", "outcome=\"repaired\""))
                    .isPositive();
            lab.detach();
            assertThat(lab.loss(lab.a, B)).as("loss after detach").isEqualTo(100);
            System.out.println(String.join("\n", serve.log()));
        }
    }

    private static Process ping(EspLab lab, String size) throws IOException {
        return new ProcessBuilder(lab.a.in("ping", "-q", "-n", "-i", "0.25", "-s", size, B))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static String macOf(EspLab lab) {
        return Host.parse(lab.b
                        .run("ip", "-j", "link", "show", "dev", "vxlan0")
                        .ok()
                        .out())
                .at("/0/address")
                .asText();
    }

    private static String verdict(EspLab lab) {
        return lab.b.json("status", "eth0").at("/attachments/0/repair").asText();
    }
}
