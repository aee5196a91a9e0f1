// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes Micrometer's meters agree with a list of samples: a meter exists while its sample is in the list. For one
 * thread at a time.
 */
final class Meters {
    private record MeterKey(Metric metric, Tags tags) {}

    /** The value that a meter reads. Micrometer's reference is weak, so the map keeps the cell. */
    private static final class Cell {
        private volatile double value;
        private long seen;
        private Meter meter;
    }

    private final MeterRegistry registry;
    private final Map<MeterKey, Cell> cells = new HashMap<>();
    private long turn;

    Meters(MeterRegistry registry) {
        this.registry = registry;
    }

    /** If two samples have the same metric and tags, the first one counts. */
    void set(List<MetricSample> samples) {
        turn++;
        for (MetricSample sample : samples) {
            Cell cell = cells.computeIfAbsent(new MeterKey(sample.metric(), sample.tags()), key -> new Cell());
            if (cell.seen == turn) {
                continue;
            }
            cell.seen = turn;
            cell.value = sample.value();
            if (cell.meter == null) {
                cell.meter = register(sample.metric(), sample.tags(), cell);
            }
        }
        cells.values().removeIf(cell -> {
            boolean gone = cell.seen != turn;
            if (gone) {
                registry.remove(cell.meter);
            }
            return gone;
        });
    }

    private Meter register(Metric metric, Tags tags, Cell cell) {
        return switch (metric.kind()) {
            case COUNTER ->
                FunctionCounter.builder(metric.meter(), cell, c -> c.value)
                        .tags(tags)
                        .baseUnit(metric.unit())
                        .description(metric.help())
                        .register(registry);
            case GAUGE ->
                Gauge.builder(metric.meter(), cell, c -> c.value)
                        .tags(tags)
                        .baseUnit(metric.unit())
                        .description(metric.help())
                        .register(registry);
        };
    }
}
