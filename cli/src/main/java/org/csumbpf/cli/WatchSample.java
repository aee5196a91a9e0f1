// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.agent.AgentLock;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Total;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Verdict;

/**
 * One reading of stats --watch.
 *
 * @param nanos when, CLOCK_MONOTONIC
 * @param attachments in the order in which they are shown
 */
record WatchSample(long nanos, List<Attachment> attachments) {
    /** With more rules than this, those without packets are left out, because they would hide the others. */
    static final int FEW_RULES = 16;

    /** Identifies an attachment by numbers, because names may change. */
    record Id(long netns, int ifindex) {}

    /**
     * One attachment.
     *
     * @param label the interface
     * @param state of the attachment, in words
     * @param verdict whether it repairs
     * @param path which paths the repair covers
     * @param readable whether the counters could be read
     * @param flows what was counted so far, in the order in which it is shown
     * @param peers what was seen of each peer so far
     * @param networks names of Docker's networks
     */
    record Attachment(
            Id id,
            String label,
            String state,
            Verdict.Kind verdict,
            String path,
            boolean readable,
            Map<Flow, Count> flows,
            Map<PeerKey, Peer> peers,
            NetworkNames networks) {
        /** The name of a flow's network; empty: it has none, or it is not known. */
        String network(Flow flow) {
            return flow.vni().matches("\\d+") ? networks.of(Integer.parseInt(flow.vni())) : "";
        }
    }

    /**
     * Identifies a count.
     *
     * @param vni a number, {@code any} for the rule for any VNI, {@code -} for what no rule judged
     * @param path {@code tc} or {@code backstop}
     * @param outcome what became of the packets
     */
    record Flow(String vni, String path, String outcome) {}

    /** @param peers what was seen of each peer so far; empty: not asked for */
    static Attachment attachment(AttachmentView view, Map<PeerKey, Peer> peers) {
        return new Attachment(
                new Id(view.location().netns(), view.location().ifindex()),
                view.label(),
                view.state().label(),
                Verdict.of(view).kind(),
                view.path().label(),
                view.contents().isPresent(),
                view.contents()
                        .map(contents -> flows(contents, view.backstop()))
                        .orElse(Map.of()),
                peers,
                NetworkNames.read(AgentLock.directory(view.location().netns())));
    }

    /** All counts that are not 0, and the repaired packets in any case. */
    private static Map<Flow, Count> flows(AttachmentView.Contents contents, Optional<BackstopView> backstop) {
        Map<Flow, Count> flows = new LinkedHashMap<>();
        contents.countersOfAny().ifPresent(counters -> {
            put(flows, VniSelection.ANY, counters, true);
            backstop.ifPresent(b -> put(flows, VniSelection.ANY, b.ofAny()));
        });
        boolean few = contents.counters().size() <= FEW_RULES;
        contents.counters().forEach((vni, counters) -> {
            put(flows, vni.toString(), counters, few);
            backstop.map(b -> b.byVni().get(vni)).ifPresent(afterTc -> put(flows, vni.toString(), afterTc));
        });
        for (Total total : Total.values()) {
            put(flows, new Flow("-", "tc", total.label()), contents.totals().getOrDefault(total, Count.NONE), false);
        }
        return flows;
    }

    private static void put(Map<Flow, Count> flows, String vni, Counters counters, boolean always) {
        counters.byOutcome()
                .forEach((outcome, count) ->
                        put(flows, new Flow(vni, "tc", outcome.label()), count, always && outcome == Outcome.REPAIRED));
    }

    private static void put(Map<Flow, Count> flows, String vni, BackstopCounters counters) {
        counters.byOutcome()
                .forEach((outcome, count) -> put(flows, new Flow(vni, "backstop", outcome.label()), count, false));
    }

    private static void put(Map<Flow, Count> flows, Flow flow, Count count, boolean always) {
        if (always || count.packets() > 0) {
            flows.put(flow, count);
        }
    }
}
