// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.cli.Output.Style;
import org.csumbpf.desired.RuleChanges;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.Remedy;
import org.csumbpf.snapshot.Verdict;
import org.csumbpf.text.VniRanges;

/** Prints what commands did and what they found: as text for people, or as JSON, whose names never change meaning. */
final class Report {
    private final boolean json;
    private final Output out;
    private final Output err;

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
        Optional<AttachmentView> view = AttachmentReader.one(netns, typed);
        String ifname = view.map(AttachmentView::ifname).orElse(typed);
        warn(ifname, result);
        if (json) {
            Map<String, Object> tree = result(ifname, result);
            view.ifPresent(v -> tree.putAll(describe(v)));
            out.json(tree);
            return;
        }
        if (result.changes().isEmpty()) {
            out.println(ifname + ": nothing to change, it is as asked");
        }
        for (Change change : result.changes()) {
            String where = view.filter(v -> change.id() == Change.Id.ATTACHED)
                    .map(v -> " (" + hook(v) + ")")
                    .orElse("");
            out.println(ifname + ": " + change.text() + where);
        }
        if (result.did(Change.Id.ATTACHED)) {
            view.flatMap(AttachmentView::contents).ifPresent(c -> printRules(ifname + ": repairs ", c.rules()));
            view.ifPresent(v -> out.println(ifname + ": path: " + v.pathText()));
        }
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
                    .forEach(one -> out.println(one.label() + ": nothing was lost"));
        }
    }

    private void results(String name, List<AttachmentResult> all, Failure ending) {
        all.forEach(one -> warn(one.label(), one.result()));
        if (json) {
            List<Object> list = new ArrayList<>();
            for (AttachmentResult one : all) {
                Map<String, Object> tree = result(one.label(), one.result());
                one.failure().ifPresent(failure -> tree.put("error", String.valueOf(failure.getMessage())));
                list.add(tree);
            }
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put(name, list);
            if (ending != null) {
                tree.putAll(ending.json());
            }
            out.json(tree);
            return;
        }
        if (all.isEmpty()) {
            out.println("nothing is attached");
        }
        all.forEach(one -> one.result().changes().forEach(change -> out.println(one.label() + ": " + change.text())));
    }

    /** What lies among the pins and is not csumbpf's. */
    void ignored(List<String> ignored) {
        ignored.forEach(what -> err.println("csumbpf: warning: " + what));
    }

    void status(List<AttachmentView> views) {
        if (json) {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("attachments", views.stream().map(this::describe).toList());
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
                Map<String, Object> tree = identity(view);
                view.contents().ifPresent(contents -> {
                    tree.put("port", contents.rules().port());
                    tree.put("rules", ruleList(contents.rules()));
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
            view.contents().ifPresent(contents -> printRules(view.label() + ": ", contents.rules()));
        }
    }

    void stats(List<AttachmentView> views, boolean peers) {
        if (json) {
            List<Object> list = new ArrayList<>();
            for (AttachmentView view : views) {
                Map<String, Object> tree = identity(view);
                view.contents().ifPresent(contents -> tree.putAll(counts(contents, view.backstop())));
                if (peers && view.contents().isPresent()) {
                    tree.put("peers", peerList(view));
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
                printCounts(contents, view.backstop());
                if (peers) {
                    printPeers(view);
                }
            });
        }
    }

    private void warn(String ifname, Result result) {
        result.warnings().forEach(warning -> err.println("csumbpf: " + ifname + ": warning: " + warning));
    }

    private void printStatus(AttachmentView view) {
        Verdict verdict = Verdict.of(view);
        out.print(Style.BOLD, view.label());
        out.println(": " + view.state().label() + (view.hanging().isPresent() ? " (" + hook(view) + ")" : ""));
        out.print("  repair    ");
        out.print(color(verdict), verdict.kind().label());
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
            out.print(Style.YELLOW, problem);
            out.println();
        }
        view.contents().ifPresent(contents -> {
            printRules("  rule      ", contents.rules());
            printCounts(contents, view.backstop());
        });
        for (HostChange change : changes(view)) {
            out.println("  on host   attach " + change.text());
        }
    }

    private static List<HostChange> changes(AttachmentView view) {
        return view.record()
                .map(AttachmentRecord::changes)
                .map(set -> set.stream().sorted().toList())
                .orElse(List.of());
    }

    private static Style color(Verdict verdict) {
        return switch (verdict.kind()) {
            case REPAIRING, HEALTHY -> Style.GREEN;
            case BROKEN, BYPASSED, OFF -> Style.RED;
            case PLAINTEXT, NO_RULE, IDLE, UNKNOWN -> Style.YELLOW;
        };
    }

    private static String hook(AttachmentView view) {
        return view.hanging()
                .map(h -> h.hook() + ", program " + h.program().id() + ", tag "
                        + h.program().tag())
                .orElse("no hook");
    }

    private void printRules(String prefix, RuleSet rules) {
        if (rules.any().isEmpty() && rules.byVni().isEmpty()) {
            out.println(prefix + "port " + rules.port() + ": no vni");
        }
        rules.any()
                .ifPresent(rule ->
                        out.println(prefix + "port " + rules.port() + ", any vni: " + RuleChanges.describe(rule)));
        Map<Rule, List<Vni>> byRule = new LinkedHashMap<>();
        rules.byVni()
                .forEach((vni, rule) ->
                        byRule.computeIfAbsent(rule, r -> new ArrayList<>()).add(vni));
        byRule.forEach((rule, vnis) -> out.println(prefix + "port " + rules.port() + ", vni " + VniRanges.format(vnis)
                + ": " + RuleChanges.describe(rule)));
    }

    private void printCounts(AttachmentView.Contents contents, Optional<BackstopView> backstop) {
        contents.countersOfAny().ifPresent(counters -> {
            printCounters("any vni", counters);
            backstop.ifPresent(b -> printCounters("any vni", b.ofAny()));
        });
        contents.counters().forEach((vni, counters) -> {
            // With thousands of rules, the silent ones would hide the others; --json has them all.
            if (contents.counters().size() <= Sample.FEW_RULES || !counters.equals(Counters.NONE)) {
                printCounters("vni " + vni, counters);
            }
            backstop.map(b -> b.byVni().get(vni)).ifPresent(c -> printCounters("vni " + vni, c));
        });
        contents.totals().forEach((total, count) -> {
            if (count.packets() > 0) {
                out.println("  count     other: " + amount(total.label().replace('_', ' '), count));
            }
        });
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

    private static List<Map.Entry<PeerKey, Peer>> sorted(AttachmentView view) {
        return view.peers().entrySet().stream()
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

    private static String hexDelta(Peer peer) {
        return String.format(Locale.ROOT, "0x%04x", peer.delta());
    }

    private static Map<String, Object> result(String ifname, Result result) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("interface", ifname);
        tree.put("changed", !result.changes().isEmpty());
        tree.put("changes", result.changes().stream().map(Change::text).toList());
        List<Object> done = new ArrayList<>();
        for (Change change : result.changes()) {
            Map<String, Object> about = new LinkedHashMap<>();
            about.put("id", change.id().label());
            about.put("subject", change.subject().isEmpty() ? null : change.subject());
            done.add(about);
        }
        tree.put("done", done);
        tree.put("warnings", result.warnings());
        return tree;
    }

    private static Map<String, Object> identity(AttachmentView view) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("interface", view.ifname());
        tree.put("ifindex", view.place().ifindex());
        tree.put("netns", view.place().netns());
        tree.put("netns_name", view.place().netnsName());
        return tree;
    }

    private Map<String, Object> describe(AttachmentView view) {
        Verdict verdict = Verdict.of(view);
        Map<String, Object> tree = identity(view);
        tree.put("state", view.state().name().toLowerCase(Locale.ROOT));
        tree.put("hook", view.hanging().map(AttachmentView.Hanging::hook));
        tree.put("program_id", view.hanging().map(h -> h.program().id()));
        tree.put("program_tag", view.hanging().map(h -> h.program().tag()));
        tree.put("repair", verdict.kind().label());
        tree.put("repair_text", verdict.text());
        tree.put("path", view.path().label());
        tree.put("path_text", view.pathText());
        tree.put("before", view.before());
        view.backstop().ifPresent(backstop -> {
            Map<String, Object> about = new LinkedHashMap<>();
            about.put("wanted", backstop.wanted().label());
            about.put("state", backstop.state().label());
            about.put("text", backstop.text());
            tree.put("backstop", about);
        });
        tree.put("problems", view.problems());
        tree.put("amiss", Verdict.amiss(view));
        tree.put("findings", view.findings().stream().map(Report::finding).toList());
        tree.put(
                "host_changes",
                changes(view).stream()
                        .map(c -> c.name().toLowerCase(Locale.ROOT))
                        .toList());
        view.contents().ifPresent(contents -> {
            tree.put("port", contents.rules().port());
            tree.put("rules", ruleList(contents.rules()));
            tree.put(
                    "last_decrypted_seconds",
                    contents.lastDecryptedNanos().isPresent()
                            ? contents.lastDecryptedNanos().getAsLong() / 1e9
                            : null);
            tree.putAll(counts(contents, view.backstop()));
        });
        return tree;
    }

    private static Map<String, Object> finding(Finding finding) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("id", finding.id().label());
        tree.put("severity", finding.severity().label());
        tree.put("subject", finding.subject());
        tree.put("evidence", finding.evidence());
        List<Object> remedies = new ArrayList<>();
        for (Remedy remedy : finding.remedies()) {
            Map<String, Object> about = new LinkedHashMap<>();
            about.put("command", remedy.command());
            about.put("effect", remedy.effect());
            remedies.add(about);
        }
        tree.put("remedies", remedies);
        return tree;
    }

    private static List<Object> ruleList(RuleSet rules) {
        List<Object> list = new ArrayList<>();
        rules.any().ifPresent(rule -> list.add(rule(VniSelection.ANY, rule)));
        rules.byVni().forEach((vni, rule) -> list.add(rule(vni.value(), rule)));
        return list;
    }

    private static Map<String, Object> rule(Object vni, Rule rule) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vni", vni);
        tree.put("mode", rule.mode().label());
        tree.put("plaintext", rule.dropPlaintext() ? "drop" : "pass");
        tree.put("unverified", rule.unverified());
        if (rule.verify() != 0) {
            tree.put("verify", rule.verify());
        }
        return tree;
    }

    private static Map<String, Object> counts(AttachmentView.Contents contents, Optional<BackstopView> backstop) {
        Map<String, Object> tree = new LinkedHashMap<>();
        List<Object> byVni = new ArrayList<>();
        contents.countersOfAny()
                .ifPresent(counters -> byVni.add(counters(
                        VniSelection.ANY,
                        counters,
                        backstop.map(BackstopView::ofAny).orElse(BackstopCounters.NONE))));
        contents.counters()
                .forEach((vni, counters) -> byVni.add(counters(
                        vni.value(),
                        counters,
                        backstop.map(b -> b.byVni().get(vni)).orElse(BackstopCounters.NONE))));
        tree.put("counters", byVni);
        Map<String, Object> totals = new LinkedHashMap<>();
        for (Total total : Total.values()) {
            totals.put(total.label(), count(contents.totals().get(total)));
        }
        tree.put("totals", totals);
        return tree;
    }

    /** What tc did; under "backstop", what nftables and csumbpf_detour did. */
    private static Map<String, Object> counters(Object vni, Counters counters, BackstopCounters backstop) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vni", vni);
        counters.byOutcome().forEach((outcome, count) -> tree.put(outcome.label(), count(count)));
        Map<String, Object> behind = new LinkedHashMap<>();
        backstop.byOutcome().forEach((outcome, count) -> behind.put(outcome.label(), count(count)));
        tree.put("backstop", behind);
        return tree;
    }

    private static Map<String, Object> count(Count count) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("packets", count.packets());
        tree.put("bytes", count.bytes());
        return tree;
    }

    private static List<Object> peerList(AttachmentView view) {
        long now = MonotonicClock.nanos();
        List<Object> list = new ArrayList<>();
        sorted(view).forEach(entry -> {
            Peer peer = entry.getValue();
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("vni", entry.getKey().vni().value());
            tree.put("source", entry.getKey().source().getHostAddress());
            tree.put("destination", entry.getKey().destination().getHostAddress());
            tree.put("packets", peer.packets());
            tree.put("bytes", peer.bytes());
            tree.put("bad", peer.bad());
            tree.put("spi", peer.spi() == 0 ? null : spi(peer));
            tree.put("delta", peer.delta() == Peer.DELTA_UNKNOWN ? null : hexDelta(peer));
            tree.put("delta_trusted", peer.trusted());
            tree.put("last_seen_seconds", Math.max(0, now - peer.lastSeenNanos()) / 1e9);
            tree.put("looked_seconds", peer.lookedNanos() == 0 ? null : Math.max(0, now - peer.lookedNanos()) / 1e9);
            list.add(tree);
        });
        return list;
    }
}
