// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.Tags;
import io.prometheus.metrics.model.snapshots.Labels;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.ProgramInfo;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Event;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Vni;
import org.csumbpf.snapshot.AttachmentView;

/** Turns the attachments into the samples of one scrape. */
final class Snapshot {
    private static final String ANY = "any";
    private static final String OTHER = "other";
    /** Made once, because Prometheus' client checks each name. */
    private static final Map<Outcome, Labels> OF_TC = byOutcome("tc", Outcome.values(), Outcome::label);

    private static final Map<BackstopOutcome, Labels> OF_BACKSTOP =
            byOutcome("backstop", BackstopOutcome.values(), BackstopOutcome::label);

    /**
     * Limits for the number of series.
     *
     * @param maxVnis VNIs with series of their own for an interface, the lowest; the others are added up
     * @param maxPeers peers with series of their own for an interface, those with the most packets; 0: none
     */
    record Limits(int maxVnis, int maxPeers) {}

    private final Limits limits;
    private final NetworkNames networks;
    private final List<MetricSample> samples = new ArrayList<>();
    private final Families counts = new Families(Metric.PACKETS, Metric.BYTES);
    private final Families bySender =
            new Families(Metric.PEER_PACKETS, Metric.PEER_BYTES, Metric.PEER_BAD_PACKETS, Metric.PEER_LAST_SEEN);

    Snapshot(Limits limits, NetworkNames networks) {
        this.limits = limits;
        this.networks = networks;
    }

    /** Of all metrics but those of {@link #families()}. */
    List<MetricSample> samples() {
        return samples;
    }

    /** The metrics with a series for each rule or peer. */
    List<Families> families() {
        return List.of(counts, bySender);
    }

    void add(Metric metric, Tags tags, double value) {
        samples.add(new MetricSample(metric, tags, value));
    }

    /**
     * Adds all samples of the attachments.
     *
     * @param afterTcDrops whether the host drops decrypted packets that neither tc nor the backstop repairs
     * @param events what was logged, by attachment
     * @param statsEnabled whether the kernel measures programs
     * @param monotonicToUnixNanos to add to CLOCK_MONOTONIC to get Unix time
     */
    void add(
            List<AttachmentView> views,
            Predicate<AttachmentView> afterTcDrops,
            EventCounts events,
            boolean statsEnabled,
            long monotonicToUnixNanos) {
        // If an interface is gone and another one has its name, the samples are of the one that is there.
        List<AttachmentView> ordered = new ArrayList<>(views);
        ordered.sort(Comparator.comparing(AttachmentView::state));
        Set<Tags> named = new HashSet<>();
        Map<String, NetStatistics> byNetns = new TreeMap<>();
        for (AttachmentView view : ordered) {
            Tags tags = Tags.of("netns", view.location().netnsLabel(), "interface", view.ifname());
            if (!named.add(tags)) {
                continue;
            }
            boolean attached = view.state() == AttachmentView.State.ATTACHED;
            add(Metric.ATTACHED, tags, attached ? 1 : 0);
            add(
                    Metric.BACKSTOP_ACTIVE,
                    tags,
                    view.backstop()
                                    .filter(b -> b.state() == BackstopView.State.ON)
                                    .isPresent()
                            ? 1
                            : 0);
            add(Metric.OFF_PATH, tags, afterTcDrops.test(view) ? 1 : 0);
            view.attached().ifPresent(running -> {
                ProgramInfo program = running.program();
                add(
                        Metric.PROGRAM_INFO,
                        tags.and(
                                "id",
                                Integer.toString(program.id()),
                                "tag",
                                program.tag(),
                                "hook",
                                running.hook(),
                                "mode",
                                view.contents().map(c -> mode(c.rules())).orElse("")),
                        1);
                if (statsEnabled) {
                    add(Metric.PROGRAM_RUN, tags, program.runTimeNanos() / 1e9);
                    add(Metric.PROGRAM_RUNS, tags, program.runCount());
                }
            });
            view.contents().ifPresent(contents -> {
                add(tags, contents, view.backstop().orElse(null));
                if (limits.maxPeers() > 0) {
                    addPeers(tags, contents.senders(), monotonicToUnixNanos);
                }
                contents.eventsLost().forEach((type, lost) -> {
                    add(Metric.EVENTS_LOST, tags.and("type", type.label()), lost);
                });
                for (EventType type : EventType.values()) {
                    add(
                            Metric.EVENTS,
                            tags.and("type", type.label()),
                            events.of(view.location().netnsLabel(), view.ifname(), type));
                }
            });
            view.host().ifPresent(host -> byNetns.putIfAbsent(view.location().netnsLabel(), host.begun()));
        }
        byNetns.forEach((netns, statistics) -> addHost(Tags.of("netns", netns), statistics));
    }

    private static String mode(RuleSet rules) {
        Set<String> modes = new HashSet<>();
        rules.any().map(rule -> rule.mode().label()).ifPresent(modes::add);
        for (Rule rule : rules.byVni().values()) {
            modes.add(rule.mode().label());
        }
        return modes.size() > 1 ? "mixed" : modes.stream().findFirst().orElse("none");
    }

    private void add(Tags tags, AttachmentView.Contents contents, BackstopView backstop) {
        RuleSet rules = contents.rules();
        int count = rules.byVni().size() + (rules.any().isPresent() ? 1 : 0);
        add(Metric.RULES, tags, count);
        add(Metric.PEERS, tags, contents.senders().peers());
        add(
                Metric.MAP_FILL_RATIO,
                tags.and("map", "rules"),
                (double) rules.byVni().size() / CsumbpfMaps.RULES_MAX);
        add(
                Metric.MAP_FILL_RATIO,
                tags.and("map", "peers"),
                Math.min(1, (double) contents.senders().peers() / CsumbpfMaps.PEERS_MAX));
        contents.totals().forEach((total, counted) -> {
            Tags kind = tags.and("kind", total.label());
            add(Metric.UNMATCHED_PACKETS, kind, counted.packets());
            add(Metric.UNMATCHED_BYTES, kind, counted.bytes());
        });

        Map<String, Counters> tc = new LinkedHashMap<>();
        Map<String, BackstopCounters> afterTc = new LinkedHashMap<>();
        contents.countersOfAny().ifPresent(counters -> {
            tc.put(ANY, counters);
            afterTc.put(ANY, backstop == null ? BackstopCounters.NONE : backstop.ofAny());
        });
        Map<Vni, BackstopCounters> afterTcByVni = backstop == null ? Map.of() : backstop.byVni();
        int[] own = {0};
        contents.counters().forEach((vni, counters) -> { // ordered by VNI
            String name = own[0]++ < limits.maxVnis() ? vni.toString() : OTHER;
            tc.merge(name, counters, Counters::plus);
            afterTc.merge(name, afterTcByVni.getOrDefault(vni, BackstopCounters.NONE), BackstopCounters::plus);
        });
        Labels attachment = labels(tags);
        tc.forEach((vni, counters) -> {
            Labels rule = attachment.merge(Labels.of("network", network(vni), "vni", vni));
            for (Outcome outcome : Outcome.values()) {
                addCount(rule, OF_TC.get(outcome), counters.get(outcome));
            }
            for (BackstopOutcome outcome : BackstopOutcome.values()) {
                addCount(rule, OF_BACKSTOP.get(outcome), afterTc.get(vni).get(outcome));
            }
        });
    }

    private void addCount(Labels rule, Labels outcome, Count count) {
        counts.add(rule.merge(outcome), count.packets(), count.bytes());
    }

    private static Labels labels(Tags tags) {
        List<String> names = new ArrayList<>();
        List<String> values = new ArrayList<>();
        tags.forEach(tag -> {
            names.add(tag.getKey());
            values.add(tag.getValue());
        });
        return Labels.of(names, values);
    }

    private static <O> Map<O, Labels> byOutcome(String path, O[] outcomes, Function<O, String> label) {
        Map<O, Labels> labels = new HashMap<>();
        for (O outcome : outcomes) {
            labels.put(outcome, Labels.of("path", path, "outcome", label.apply(outcome)));
        }
        return labels;
    }

    /** Empty: not known, or more than one. */
    private String network(String vni) {
        return vni.equals(ANY) || vni.equals(OTHER) ? "" : networks.of(Integer.parseInt(vni));
    }

    /** Added up over destinations: a series for each would be more than anybody asks for. */
    private void addPeers(Tags tags, Senders all, long monotonicToUnixNanos) {
        Labels attachment = labels(tags);
        Map<Integer, Labels> byVni = new HashMap<>();
        for (int sender : all.top(limits.maxPeers())) {
            Labels ofVni = byVni.computeIfAbsent(
                    all.vni(sender),
                    vni -> attachment.merge(Labels.of("network", networks.of(vni), "vni", Integer.toString(vni))));
            bySender.add(
                    ofVni.merge(Labels.of("peer", all.source(sender).getHostAddress())),
                    all.packets(sender),
                    all.bytes(sender),
                    all.bad(sender),
                    (all.lastSeenNanos(sender) + monotonicToUnixNanos) / 1e9);
        }
    }

    private void addHost(Tags tags, NetStatistics statistics) {
        addFamily(tags.and("family", "ipv4"), statistics.ipv4());
        addFamily(tags.and("family", "ipv6"), statistics.ipv6());
        statistics.xfrmInErrors().forEach((error, count) -> {
            add(Metric.HOST_XFRM_IN_ERRORS, tags.and("error", error), count);
        });
    }

    private void addFamily(Tags tags, NetStatistics.FamilyCounts family) {
        add(Metric.HOST_UDP_CHECKSUM_ERRORS, tags, family.udpChecksumErrors());
        add(Metric.HOST_REASSEMBLED, tags, family.reassembled());
    }

    /** Counts the events that were logged, by attachment and type. Thread-safe. */
    static final class EventCounts {
        private record EventKey(String netns, String ifname, EventType type) {}

        private final Map<EventKey, Long> counts = new HashMap<>();

        synchronized void count(String netns, String ifname, Event event) {
            counts.merge(new EventKey(netns, ifname, event.type()), 1L, Long::sum);
        }

        synchronized long of(String netns, String ifname, EventType type) {
            return counts.getOrDefault(new EventKey(netns, ifname, type), 0L);
        }
    }
}
