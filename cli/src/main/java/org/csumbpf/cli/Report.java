// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.csumbpf.agent.AgentLock;
import org.csumbpf.agent.Heartbeat;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.cli.Output.Style;
import org.csumbpf.desired.RuleChanges;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Verdict;
import org.csumbpf.text.VniRanges;

/** Prints what commands did and what they found: as text for people, or as JSON, whose names never change meaning. */
final class Report {
    private final boolean json;
    private final Output out;
    private final Output err;
    /** By inode of the network namespace. */
    private final Map<Long, NetworkNames> names = new HashMap<>();

    Report(Csumbpf global, Output out, Output err) {
        this.json = global.json();
        this.out = out;
        this.err = err;
        if (global.colored()) {
            out.color();
        }
    }

    /** What attach or vni did. */
    void changed(NetworkNamespace netns, String typed, Result result) {
        Optional<AttachmentView> view = AttachmentReader.one(netns, typed, AttachmentReader.Peers.ADDED_UP);
        String ifname = view.map(AttachmentView::ifname).orElse(typed);
        warn(ifname, result);
        if (json) {
            Map<String, Object> tree = JsonReport.result(ifname, result);
            view.ifPresent(v -> tree.putAll(JsonReport.describe(v, names(v))));
            out.json(tree);
            return;
        }
        if (result.changes().isEmpty()) {
            out.println(ifname + ": nothing to change");
        }
        for (Change change : result.changes()) {
            String where = view.filter(v -> change.id() == Change.Id.ATTACHED)
                    .map(v -> " (" + hook(v) + ")")
                    .orElse("");
            out.println(ifname + ": " + change.text() + where);
        }
        if (result.did(Change.Id.ATTACHED)) {
            view.ifPresent(v -> v.contents().ifPresent(c -> printRules(ifname + ": repairs ", c.rules(), names(v))));
            view.ifPresent(v -> out.println(ifname + ": path: " + v.pathText()));
        }
    }

    private NetworkNames names(AttachmentView view) {
        return names.computeIfAbsent(view.location().netns(), netns -> NetworkNames.read(AgentLock.directory(netns)));
    }

    /** @param ending the failure that the command ends with; null: with success */
    void detached(List<AttachmentResult> all, Failure ending) {
        results("detached", all, ending);
    }

    /** @param ending the failure that the command ends with; null: with success */
    void restored(List<AttachmentResult> all, Failure ending) {
        results("restored", all, ending);
        if (!json) {
            all.stream()
                    .filter(one ->
                            one.result().changes().isEmpty() && one.failure().isEmpty())
                    .forEach(one -> out.println(one.label() + ": everything is in place"));
        }
    }

    private void results(String name, List<AttachmentResult> all, Failure ending) {
        all.forEach(one -> warn(one.label(), one.result()));
        if (json) {
            out.json(JsonReport.results(name, all, ending));
            return;
        }
        if (all.isEmpty()) {
            out.println("nothing is attached");
        }
        all.forEach(one -> one.result().changes().forEach(change -> out.println(one.label() + ": " + change.text())));
    }

    /** Warns of what is among the pins and is not csumbpf's. */
    void ignored(List<String> ignored) {
        ignored.forEach(what -> err.println("csumbpf: warning: " + what));
    }

    /** Whether an agent works. @param seen how long ago; empty: none does */
    void agent(Optional<Duration> seen) {
        if (json) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("working", seen.isPresent());
            seen.ifPresent(ago -> tree.put("seen_seconds_ago", ago.toMillis() / 1000.0));
            out.json(tree);
            return;
        }
        out.println(seen.map(ago -> "an agent works: seen " + ago.toMillis() / 1000.0 + " s ago")
                .orElse("no agent works in this network namespace: none runs, or it has done nothing for "
                        + Heartbeat.LIMIT.toMinutes()
                        + " minutes; see 'systemctl status csumbpf', or start one with 'csumbpf agent'"));
    }

    void status(List<AttachmentView> views) {
        if (json) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put(
                    "attachments",
                    views.stream()
                            .map(view -> JsonReport.describe(view, names(view)))
                            .toList());
            tree.put("amiss", views.stream().anyMatch(Verdict::amiss));
            out.json(tree);
            return;
        }
        if (views.isEmpty()) {
            out.println("nothing is attached");
        }
        String separator = "";
        for (AttachmentView view : views) {
            out.own(separator);
            separator = System.lineSeparator();
            printStatus(view);
        }
    }

    void rules(List<AttachmentView> views) {
        if (json) {
            List<Object> list = new ArrayList<>();
            for (AttachmentView view : views) {
                Map<String, Object> tree = JsonReport.identity(view);
                view.contents().ifPresent(contents -> {
                    tree.put("port", contents.rules().port());
                    tree.put("rules", JsonReport.ruleList(contents.rules(), names(view)));
                });
                list.add(tree);
            }
            out.json(Map.of("attachments", list));
            return;
        }
        if (views.isEmpty()) {
            out.println("nothing is attached");
        }
        for (AttachmentView view : views) {
            view.contents().ifPresent(contents -> printRules(view.label() + ": ", contents.rules(), names(view)));
        }
    }

    void stats(List<AttachmentView> views, boolean peers) {
        if (json) {
            List<Object> list = new ArrayList<>();
            for (AttachmentView view : views) {
                Map<String, Object> tree = JsonReport.identity(view);
                view.contents()
                        .ifPresent(contents -> tree.putAll(JsonReport.counts(contents, view.backstop(), names(view))));
                if (peers && view.contents().isPresent()) {
                    tree.put("peers", JsonReport.peerList(view, names(view)));
                }
                list.add(tree);
            }
            out.json(Map.of("attachments", list));
            return;
        }
        if (views.isEmpty()) {
            out.println("nothing is attached");
        }
        for (AttachmentView view : views) {
            out.print(Style.BOLD, view.label());
            out.println();
            view.contents().ifPresent(contents -> {
                printCounts(contents, view.backstop(), names(view));
                if (peers) {
                    printPeers(view);
                }
            });
        }
    }

    private void warn(String ifname, Result result) {
        result.warnings().forEach(warning -> err.println("csumbpf: " + ifname + ": warning: " + warning.text()));
    }

    private void printStatus(AttachmentView view) {
        Verdict verdict = Verdict.of(view);
        out.print(Style.BOLD, view.label());
        out.println(": " + view.state().label() + (view.attached().isPresent() ? " (" + hook(view) + ")" : ""));
        out.print("  repair    ");
        out.print(Meaning.of(verdict.kind()).style(), verdict.kind().label());
        out.println(": "
                + verdict.text()
                + view.contents()
                        .filter(c -> c.lastDecryptedNanos().isPresent())
                        .map(c -> "; last packet "
                                + Amount.age(c.lastDecryptedNanos().getAsLong()) + " ago")
                        .orElse(""));
        if (view.state() == AttachmentView.State.ATTACHED) {
            out.println("  path      " + view.pathText());
        }
        for (String problem : view.problems()) {
            out.print("  problem   ");
            out.print(Meaning.IN_DOUBT.style(), problem);
            out.println();
        }
        view.contents().ifPresent(contents -> {
            printRules("  rule      ", contents.rules(), names(view));
            printCounts(contents, view.backstop(), names(view));
        });
        for (HostChange change : changes(view)) {
            out.println("  on host   attach " + change.text());
        }
    }

    static List<HostChange> changes(AttachmentView view) {
        return view.record()
                .map(AttachmentRecord::changes)
                .map(set -> set.stream().sorted().toList())
                .orElse(List.of());
    }

    private static String hook(AttachmentView view) {
        return view.attached()
                .map(h -> h.hook() + ", program " + h.program().id() + ", tag "
                        + h.program().tag())
                .orElse("no hook");
    }

    private void printRules(String prefix, RuleSet rules, NetworkNames networks) {
        if (rules.any().isEmpty() && rules.byVni().isEmpty()) {
            out.println(prefix + "port " + rules.port() + ": no vni");
        }
        rules.any()
                .ifPresent(rule ->
                        out.println(prefix + "port " + rules.port() + ", any vni: " + RuleChanges.describe(rule)));
        Map<String, List<Vni>> byRule = new LinkedHashMap<>();
        rules.byVni()
                .forEach((vni, rule) -> byRule.computeIfAbsent(RuleChanges.describe(rule), r -> new ArrayList<>())
                        .add(vni));
        byRule.forEach((rule, vnis) -> {
            String named = vnis.stream()
                    .map(vni -> networks.of(vni.value()))
                    .filter(name -> !name.isEmpty())
                    .limit(WatchSample.FEW_RULES)
                    .collect(Collectors.joining(", "));
            out.println(prefix + "port " + rules.port() + ", vni " + VniRanges.format(vnis)
                    + (named.isEmpty() ? "" : " (" + named + ")") + ": " + rule);
        });
    }

    private void printCounts(AttachmentView.Contents contents, Optional<BackstopView> backstop, NetworkNames networks) {
        contents.countersOfAny().ifPresent(counters -> {
            printCounters("any vni", counters);
            backstop.ifPresent(b -> printCounters("any vni", b.ofAny()));
        });
        contents.counters().forEach((vni, counters) -> {
            // With thousands of rules, those without packets would hide the others; --json has all.
            if (contents.counters().size() <= WatchSample.FEW_RULES || !counters.isZero()) {
                printCounters(named(vni, networks), counters);
            }
            backstop.map(b -> b.byVni().get(vni)).ifPresent(c -> printCounters(named(vni, networks), c));
        });
        contents.totals().forEach((total, count) -> {
            if (count.packets() > 0) {
                out.println("  count     other: " + amount(total.label().replace('_', ' '), count));
            }
        });
    }

    private static String named(Vni vni, NetworkNames networks) {
        String name = networks.of(vni.value());
        return "vni " + vni + (name.isEmpty() ? "" : " (" + name + ")");
    }

    private void printCounters(String what, Counters counters) {
        List<String> parts = new ArrayList<>();
        counters.byOutcome().forEach((outcome, count) -> {
            if (count.packets() > 0 || outcome == Outcome.REPAIRED) {
                parts.add(amount(outcome.label(), count));
            }
        });
        out.println("  count     " + what + ": " + String.join(", ", parts));
    }

    private void printCounters(String what, BackstopCounters counters) {
        List<String> parts = new ArrayList<>();
        counters.byOutcome().forEach((outcome, count) -> {
            if (count.packets() > 0) {
                parts.add(amount(outcome.label(), count));
            }
        });
        if (!parts.isEmpty()) {
            out.println("  count     " + what + ", by the backstop: " + String.join(", ", parts));
        }
    }

    private static String amount(String what, Count count) {
        return what + " " + count.packets() + " (" + count.bytes() + " bytes)";
    }

    private void printPeers(AttachmentView view) {
        long now = MonotonicClock.nanos();
        out.println(String.format(
                Locale.ROOT,
                "  %-39s %-39s %8s %12s %15s %10s %-10s %-6s %s",
                "peer",
                "sends to",
                "vni",
                "packets",
                "bytes",
                "bad",
                "spi",
                "delta",
                "seen"));
        sorted(view).forEach(entry -> {
            Peer peer = entry.getValue();
            out.println(String.format(
                    Locale.ROOT,
                    "  %-39s %-39s %8s %12d %15d %10d %-10s %-6s %s ago",
                    entry.getKey().source().getHostAddress(),
                    entry.getKey().destination().getHostAddress(),
                    entry.getKey().vni(),
                    peer.packets(),
                    peer.bytes(),
                    peer.bad(),
                    spi(peer),
                    delta(peer),
                    Amount.age(now - peer.lastSeenNanos())));
        });
    }

    static List<Map.Entry<PeerKey, Peer>> sorted(AttachmentView view) {
        return view.peers().toMap().entrySet().stream()
                .sorted(Comparator.comparingLong(
                                (Map.Entry<PeerKey, Peer> e) -> -e.getValue().packets())
                        .thenComparing(e -> e.getKey().vni()))
                .toList();
    }

    static String spi(Peer peer) {
        return peer.spi() == 0 ? "-" : String.format(Locale.ROOT, "0x%08x", peer.spi());
    }

    static String delta(Peer peer) {
        return switch (peer.delta()) {
            case Peer.DELTA_UNKNOWN -> "-";
            case Peer.DELTA_NONE -> "none";
            default -> hexDelta(peer);
        };
    }

    static String hexDelta(Peer peer) {
        return String.format(Locale.ROOT, "0x%04x", peer.delta());
    }
}
