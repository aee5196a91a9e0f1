// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.csumbpf.doctor.Bundle;
import org.csumbpf.doctor.Examination;
import org.csumbpf.doctor.Watch;
import org.csumbpf.serve.ServeLog;
import org.junit.jupiter.api.Test;

class CheckupTest {
    private static final Instant NOW = Instant.ofEpochSecond(1_000_000);

    private final ByteArrayOutputStream logged = new ByteArrayOutputStream();
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final List<Examination> published = new ArrayList<>();
    private final AtomicReference<Supplier<Watch>> host = new AtomicReference<>();
    private final Checkup checkup = new Checkup(
            time -> host.get().get(),
            new ServeLog(ServeLog.Format.TEXT, new PrintStream(logged, true, StandardCharsets.UTF_8)),
            registry,
            published::add);

    private void examine(String recorded) {
        host.set(() ->
                Bundle.read(Path.of("src/test/resources/doctor", recorded)).watch());
        checkup.once(NOW);
    }

    private List<String> log() {
        List<String> lines = logged.toString(StandardCharsets.UTF_8).lines().toList();
        logged.reset();
        return lines;
    }

    @Test
    void findingsComeAndGo() {
        examine("healthy@7.3.json");
        assertThat(log()).isEmpty();
        assertThat(registry.scrape())
                .doesNotContain("csumbpf_finding{")
                .contains("csumbpf_doctor_last_run_timestamp_seconds 1000010.0");
        examine("nat-checksum@5.10.json");
        assertThat(registry.scrape()).contains("csumbpf_finding{id=\"nat-checksum\",severity=\"error\"} 1.0");
        assertThat(log())
                .singleElement()
                .asString()
                .contains("level=warn", "nat-checksum: ", "severity=error", "attach eth0");
        examine("nat-checksum@5.10.json");
        assertThat(log()).as("what is known is not said again").isEmpty();
        examine("guard-missing@7.3.json");
        assertThat(registry.scrape())
                .doesNotContain("nat-checksum")
                .contains("csumbpf_finding{id=\"guard-missing\",severity=\"warning\"} 1.0");
        assertThat(log())
                .hasSize(2)
                .anyMatch(line -> line.contains("over: nat-checksum"))
                .anyMatch(line -> line.contains("guard-missing: "));
        assertThat(published).hasSize(4);
        assertThat(published.get(1).ended()).isEqualTo(NOW.plusSeconds(10));
    }

    @Test
    void aHostThatCannotBeExaminedIsNotCalledWell() {
        examine("nat-checksum@5.10.json");
        log();
        host.set(() -> {
            throw new IllegalStateException("no more descriptors");
        });
        checkup.once(NOW.plusSeconds(300));
        checkup.once(NOW.plusSeconds(600));
        assertThat(log()).singleElement().asString().contains("cannot examine the host: no more descriptors");
        assertThat(registry.scrape())
                .contains(
                        "csumbpf_finding{id=\"nat-checksum\",severity=\"error\"} 1.0",
                        "last_run_timestamp_seconds 1000010.0");
    }
}
