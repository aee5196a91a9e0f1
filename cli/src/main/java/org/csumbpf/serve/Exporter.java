// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.pin.Selection;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.MovedDevices;
import org.csumbpf.snapshot.Verdict;

/** Updates the meters at each scrape, and logs each problem once. Called for one scrape at a time. */
final class Exporter {
    private final Selection only;
    private final Snapshot.Limits limits;
    private final Supplier<NetworkNames> networks;
    private final Snapshot.EventCounts events;
    private final String version;
    private final ServeLog log;
    private final Meters meters;
    private final ManySeries many = new ManySeries();
    private final AfterTcDropsWatch afterTcDrops = new AfterTcDropsWatch();
    private final MovedDevices moved = new MovedDevices();
    /** Problems that were logged and are not over yet, by key. */
    private final Map<String, String> complaints = new HashMap<>();

    private long failures;
    private volatile Optional<String> unready = Optional.empty();

    Exporter(
            Selection only,
            Snapshot.Limits limits,
            Supplier<NetworkNames> networks,
            Snapshot.EventCounts events,
            String version,
            PrometheusMeterRegistry registry,
            ServeLog log) {
        this.only = only;
        this.limits = limits;
        this.networks = networks;
        this.events = events;
        this.version = version;
        this.log = log;
        this.meters = new Meters(registry);
        registry.getPrometheusRegistry().register(many);
    }

    /** Why the last read failed; empty: it succeeded. */
    Optional<String> unready() {
        return unready;
    }

    /** Reads all attachments. What cannot be read has no series until it can be read again. */
    void refresh() {
        many.clear();
        Snapshot snapshot = new Snapshot(limits, networks.get());
        Map<String, String> amiss = new HashMap<>();
        try {
            read(snapshot, amiss);
            unready = Optional.empty();
        } catch (RuntimeException e) {
            failures++;
            snapshot = new Snapshot(limits, networks.get());
            String why = "cannot read the attachments: " + e.getMessage();
            amiss.put("read", why);
            unready = Optional.of(why);
            // It is not known whether the other problems are over.
            complaints.forEach(amiss::putIfAbsent);
        }
        snapshot.add(Metric.READ_FAILURES, Tags.empty(), failures);
        snapshot.add(Metric.BUILD_INFO, Tags.of("version", version, "java", System.getProperty("java.version")), 1);
        meters.set(snapshot.samples());
        many.set(snapshot.families());
        say(amiss);
    }

    private void read(Snapshot snapshot, Map<String, String> amiss) {
        List<AttachmentView> views = AttachmentReader.all(only, moved, AttachmentReader.Peers.ADDED_UP);
        long now = MonotonicClock.nanos();
        Map<AttachmentView.Port, String> drops = afterTcDrops.judge(views, now);
        snapshot.add(
                views,
                view -> view.port().map(drops::containsKey).orElse(false),
                events,
                BpfProgram.statsEnabled(),
                System.currentTimeMillis() * 1_000_000 - now);
        if (views.isEmpty()) {
            amiss.put(
                    "nothing",
                    "nothing is attached"
                            + (Bpffs.isMounted(Bpffs.directory()) ? "" : " (" + Bpffs.directory() + " is not mounted)")
                            + "; serve notices 'csumbpf attach' without a restart");
        }
        List<AttachmentView> unreadable = views.stream()
                .filter(view -> view.state() == AttachmentView.State.UNREADABLE)
                .toList();
        if (!unreadable.isEmpty()) {
            failures++;
        }
        // It is not known whether the problems of these are over.
        complaints.forEach((key, text) -> {
            if (unreadable.stream().anyMatch(view -> key.startsWith(view.label() + " "))) {
                amiss.put(key, text);
            }
        });
        for (AttachmentView view : views) {
            for (String problem : view.problems()) {
                amiss.put(view.label() + " " + problem, view.label() + ": " + problem);
            }
            String text = view.port()
                    .map(drops::get)
                    .map(t -> t + Verdict.besides(view))
                    .orElse(null);
            Verdict verdict = Verdict.of(view);
            if (text == null
                    && verdict.kind() == Verdict.Kind.BYPASSED
                    && view.afterTcDrops().isEmpty()) {
                text = verdict.text();
            }
            if (text != null) {
                // The key is constant, because the text contains numbers: a new number is no new problem.
                amiss.put(view.label() + " off path", view.label() + ": " + text);
            }
        }
    }

    private void say(Map<String, String> amiss) {
        amiss.forEach(log::once);
        complaints.entrySet().removeIf(said -> {
            boolean over = !amiss.containsKey(said.getKey());
            if (over) {
                log.resolved(said.getKey(), "resolved: " + said.getValue());
            }
            return over;
        });
        amiss.forEach(complaints::putIfAbsent);
    }
}
