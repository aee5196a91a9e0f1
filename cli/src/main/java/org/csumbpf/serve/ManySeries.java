// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.List;

/**
 * The metrics with a series for each rule or peer. Micrometer has all others: it keeps objects for each series and
 * checks its labels at every scrape, which for thousands of series takes most of the time and memory of a scrape.
 */
final class ManySeries implements MultiCollector {
    private volatile MetricSnapshots latest = new MetricSnapshots(List.of());

    void set(List<Families> all) {
        latest = new MetricSnapshots(
                all.stream().flatMap(families -> families.snapshots().stream()).toList());
    }

    /** Forgets them, before the next ones are made: both would need twice the memory. */
    void clear() {
        set(List.of());
    }

    @Override
    public MetricSnapshots collect() {
        return latest;
    }
}
