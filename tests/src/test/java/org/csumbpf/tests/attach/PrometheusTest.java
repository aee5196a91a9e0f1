// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.PingedOverlay;
import org.csumbpf.tests.lab.Prometheus;
import org.csumbpf.tests.lab.ServeProcess;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Prometheus scrapes serve while packets flow. */
@Tag("root")
class PrometheusTest {
    @Test
    void scrapesServeAndAnswersQueries(@TempDir Path directory) throws Exception {
        try (PingedOverlay pinged = new PingedOverlay();
                ServeProcess serve = new ServeProcess(pinged.lab)) {
            pinged.lab
                    .csumbpf("attach", "w1", "--vni", Integer.toString(PingedOverlay.VNI), "--unverified")
                    .ok();
            try (Prometheus prometheus = new Prometheus(serve, directory)) {
                String rate = "sum(rate(csumbpf_packets_total{job=\"csumbpf\",interface=\"w1\",vni=\""
                        + PingedOverlay.VNI + "\",path=\"tc\",outcome=\"repaired\"}[5s]))";
                double repaired =
                        prometheus.await(rate, Limit.seconds(60), value -> value >= PingedOverlay.PINGS_A_SECOND * 0.6);
                assertThat(repaired).isLessThan(PingedOverlay.PINGS_A_SECOND * 1.4);
                assertThat(prometheus.values("up")).containsExactly(1.0);
                assertThat(prometheus.values("csumbpf_attached")).containsExactly(1.0);

                List<String> health = new ArrayList<>();
                prometheus
                        .api("rules")
                        .at("/data/groups")
                        .forEach(group -> group.get("rules")
                                .forEach(rule -> health.add(rule.get("health").asText())));
                assertThat(health).hasSizeGreaterThan(10).containsOnly("ok");
                assertThat(prometheus.alerts()).as("nothing is amiss here").isEmpty();
                assertThat(prometheus
                                .api("targets")
                                .at("/data/activeTargets/0/lastError")
                                .asText())
                        .isEmpty();
            }
        }
    }
}
