// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.PingedOverlay;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Debian's Prometheus, with the configuration and the rules of deploy/, scrapes serve while packets flow. */
@Tag("root")
class PrometheusTest {
    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void scrapesServeAndAnswersQueries(@TempDir Path directory) throws Exception {
        Path tree = Path.of(
                Shell.run(Shell.CHECKOUT.resolve("tests/prometheus/fetch").toString())
                        .ok()
                        .out()
                        .strip());
        try (PingedOverlay pinged = new PingedOverlay();
                ServeProcess serve = new ServeProcess(pinged.lab)) {
            pinged.lab
                    .csumbpf("attach", "w1", "--vni", Integer.toString(PingedOverlay.VNI), "--unverified")
                    .ok();
            Path deploy = Shell.CHECKOUT.resolve("deploy/prometheus");
            Path config = directory.resolve("prometheus.yml");
            Files.copy(deploy.resolve("csumbpf.rules.yml"), directory.resolve("csumbpf.rules.yml"));
            String shipped = Files.readString(deploy.resolve("prometheus.yml"));
            String own = shipped.replace(
                            "127.0.0.1:14789", "127.0.0.1:" + serve.uri("/").getPort())
                    .replace("_interval: 15s", "_interval: 1s");
            assertThat(own).isNotEqualTo(shipped);
            Files.writeString(config, own);
            int port = freePort();
            Process prometheus = new ProcessBuilder(
                            tree.resolve("usr/bin/prometheus").toString(),
                            "--config.file=" + config,
                            "--storage.tsdb.path=" + directory.resolve("data"),
                            "--web.listen-address=127.0.0.1:" + port)
                    .redirectErrorStream(true)
                    .redirectOutput(directory.resolve("log").toFile())
                    .start();
            try {
                String rate = "sum(rate(csumbpf_packets_total{job=\"csumbpf\",interface=\"w1\",vni=\""
                        + PingedOverlay.VNI + "\",path=\"tc\",outcome=\"repaired\"}[5s]))";
                double repaired = 0;
                for (long end = System.nanoTime() + 60_000_000_000L; repaired < PingedOverlay.PINGS_A_SECOND * 0.6; ) {
                    assertThat(System.nanoTime())
                            .as(Files.readString(directory.resolve("log")))
                            .isLessThan(end);
                    TimeUnit.MILLISECONDS.sleep(500);
                    repaired = values(port, rate).stream().findFirst().orElse(0.0);
                }
                assertThat(repaired).isLessThan(PingedOverlay.PINGS_A_SECOND * 1.4);
                assertThat(values(port, "up")).containsExactly(1.0);
                assertThat(values(port, "csumbpf_attached")).containsExactly(1.0);

                List<String> health = new ArrayList<>();
                api(port, "rules")
                        .at("/data/groups")
                        .forEach(group -> group.get("rules")
                                .forEach(rule -> health.add(rule.get("health").asText())));
                assertThat(health).hasSizeGreaterThan(10).containsOnly("ok");
                assertThat(api(port, "alerts").at("/data/alerts").findValuesAsText("alertname"))
                        .as("nothing is amiss here")
                        .isEmpty();
                assertThat(api(port, "targets")
                                .at("/data/activeTargets/0/lastError")
                                .asText())
                        .isEmpty();
            } finally {
                prometheus.destroy();
                prometheus.waitFor();
            }
        }
    }

    private List<Double> values(int port, String query) throws IOException, InterruptedException {
        List<Double> values = new ArrayList<>();
        api(port, "query?query=" + URLEncoder.encode(query, StandardCharsets.UTF_8))
                .at("/data/result")
                .forEach(series -> values.add(series.at("/value/1").asDouble()));
        return values;
    }

    private JsonNode api(int port, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v1/" + path))
                .build();
        try {
            return Host.parse(client.send(request, BodyHandlers.ofString()).body());
        } catch (ConnectException e) {
            return Host.parse("{}"); // it is not up yet
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
