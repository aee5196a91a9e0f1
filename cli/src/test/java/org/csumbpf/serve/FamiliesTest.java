// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.expositionformats.ExpositionFormatWriter;
import io.prometheus.metrics.expositionformats.OpenMetricsTextFormatWriter;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What does not go through Micrometer is served as if it did. */
class FamiliesTest {
    private static final Metric[] METRICS = {
        Metric.PACKETS,
        Metric.BYTES,
        Metric.PEER_PACKETS,
        Metric.PEER_BYTES,
        Metric.PEER_BAD_PACKETS,
        Metric.PEER_LAST_SEEN,
        Metric.PROGRAM_RUN
    };

    private final PrometheusRegistry direct = new PrometheusRegistry();
    private final ManySeries many = new ManySeries();
    /** A field, because Micrometer holds what its gauges read by weak references only. */
    private Meters reference;

    @Test
    void namesHelpTypesAndOrderAreMicrometers() throws IOException {
        PrometheusMeterRegistry meters =
                new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM);
        Families families = new Families(METRICS);
        List<MetricSample> samples = new ArrayList<>();
        // In no order, and with what must be escaped.
        for (String peer : List.of("192.0.2.9", "192.0.2.10", "2001:db8::1", "", "a\"b\\c\nd", "\u00fc")) {
            for (String vni : List.of("9", "10")) {
                double[] values = new double[METRICS.length];
                for (int i = 0; i < METRICS.length; i++) {
                    values[i] = i * 1e6 + peer.length() / 4.0;
                    samples.add(new MetricSample(METRICS[i], Tags.of("vni", vni, "peer", peer), values[i]));
                }
                families.add(Labels.of("vni", vni).merge(Labels.of("peer", peer)), values);
            }
        }
        reference = new Meters(meters);
        reference.set(samples);
        direct.register(many);
        many.set(List.of(families));
        for (ExpositionFormatWriter writer :
                List.of(PrometheusTextFormatWriter.create(), OpenMetricsTextFormatWriter.create())) {
            assertThat(text(writer, direct))
                    .contains("csumbpf_peer_bytes_total{peer=\"192.0.2.10\",vni=\"9\"} 3000002.5")
                    .isEqualTo(text(writer, meters.getPrometheusRegistry()));
        }
    }

    @Test
    void withoutSeriesThereIsNoMetric() throws IOException {
        direct.register(many);
        Families families = new Families(Metric.PACKETS);
        many.set(List.of(families, new Families(Metric.BYTES)));
        assertThat(text(PrometheusTextFormatWriter.create(), direct)).isEmpty();
        families.add(Labels.of("vni", "1"), 5);
        many.set(List.of(families));
        assertThat(text(PrometheusTextFormatWriter.create(), direct))
                .endsWith("csumbpf_packets_total{vni=\"1\"} 5.0\n");
        many.clear();
        assertThat(text(PrometheusTextFormatWriter.create(), direct)).isEmpty();
    }

    private static String text(ExpositionFormatWriter writer, PrometheusRegistry registry) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        writer.write(out, registry.scrape(), EscapingScheme.DEFAULT);
        return out.toString(StandardCharsets.UTF_8);
    }
}
