// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.PingedOverlay;
import org.csumbpf.tests.lab.Prometheus;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.WebConfig;
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

    /** As docs/metrics.md has it, with the certificate of the real openssl. */
    @Test
    void scrapesOverTlsWithAPassword(@TempDir Path directory) throws Exception {
        Path config = WebConfig.make(directory, "IP:127.0.0.1").file();
        try (Lab lab = new Lab();
                ServeProcess serve = new ServeProcess(lab, "--web-config", config.toString());
                Prometheus prometheus = new Prometheus(serve, directory, 1, """
                        scheme: https
                        tls_config: {ca_file: server.crt}
                        basic_auth: {username: prometheus, password: secret}
                        """)) {
            prometheus.await(
                    "(csumbpf_tls_certificate_not_after_timestamp_seconds - time()) / 86400",
                    Limit.seconds(60),
                    days -> days > 29 && days < 30);
            assertThat(prometheus.values("up")).containsExactly(1.0);
            String[] curl = {
                "curl", "-sS", "--cacert", directory.resolve("server.crt").toString()
            };
            String metrics = serve.uri("/metrics").toString();
            assertThat(metrics).startsWith("https://");
            assertThat(Shell.run(Shell.join(curl, new String[] {metrics})).ok().out())
                    .isEqualTo("name or password is missing or wrong\n");
            assertThat(Shell.run(Shell.join(curl, new String[] {"-u", "prometheus:secret", metrics}))
                            .ok()
                            .out())
                    .contains("csumbpf_build_info");
            Files.writeString(config, "tls_server_confg: {}\n");
            Shell.Result second = lab.csumbpf("agent", "--web-config", config.toString());
            assertThat(second.code()).isEqualTo(11);
            assertThat(second.err())
                    .isEqualTo("csumbpf agent: " + config
                            + ":1: unknown key 'tls_server_confg' in the file; did you mean 'tls_server_config'?\n");
            // The next scrapes are of what was in force.
            serve.awaitLog(line -> line.contains("has changed and stays as it was: " + config + ":1: unknown key"));
            assertThat(Shell.run(Shell.join(curl, new String[] {"-u", "prometheus:secret", metrics}))
                            .ok()
                            .out())
                    .contains("csumbpf_build_info");
        }
    }
}
