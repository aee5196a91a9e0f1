// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.Meter;
import io.micrometer.prometheusmetrics.PrometheusNamingConvention;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Metrics whose series have the same labels, with the values of one scrape. Labels are made and sorted once for all of
 * them.
 */
final class Families {
    private final List<Metric> metrics;
    private final List<Row> rows = new ArrayList<>();

    private record Row(Labels labels, double[] values) {}

    Families(Metric... metrics) {
        this.metrics = List.of(metrics);
    }

    /**
     * Adds a series to each metric.
     *
     * @param labels that no other row has
     * @param values one for each metric, in their order
     */
    void add(Labels labels, double... values) {
        rows.add(new Row(labels, values));
    }

    /** As Prometheus' client takes them; none if there is no series. */
    List<MetricSnapshot> snapshots() {
        if (rows.isEmpty()) {
            return List.of();
        }
        // The client sorts each metric. What is sorted already costs it little.
        rows.sort(Comparator.comparing(Row::labels));
        return IntStream.range(0, metrics.size()).mapToObj(this::snapshot).toList();
    }

    private MetricSnapshot snapshot(int which) {
        Metric metric = metrics.get(which);
        return switch (metric.kind()) {
            case COUNTER ->
                new CounterSnapshot(
                        metadata(metric, Meter.Type.COUNTER),
                        rows.stream()
                                .map(row -> new CounterDataPointSnapshot(row.values[which], row.labels, null, 0))
                                .toList());
            case GAUGE ->
                new GaugeSnapshot(
                        metadata(metric, Meter.Type.GAUGE),
                        rows.stream()
                                .map(row -> new GaugeDataPointSnapshot(row.values[which], row.labels, null))
                                .toList());
        };
    }

    /** The name, help and unit that Micrometer gives to a meter. */
    private static MetricMetadata metadata(Metric metric, Meter.Type type) {
        String name = new PrometheusNamingConvention().name(metric.meter(), type, metric.unit());
        return new MetricMetadata(name, metric.help(), null);
    }
}
