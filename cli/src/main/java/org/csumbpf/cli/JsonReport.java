// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
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
import org.csumbpf.desired.RuleSet;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.Remedy;
import org.csumbpf.snapshot.Verdict;

/** Builds the JSON trees that {@link Report} prints with --json. Their names never change meaning. */
final class JsonReport {
    private JsonReport() {}

    /**
     * @param name of the list: what was done to each attachment
     * @param ending the failure that the command ends with; null: with success
     */
    static Map<String, Object> results(String name, List<AttachmentResult> all, Failure ending) {
        List<Object> list = new ArrayList<>();
        for (AttachmentResult one : all) {
            Map<String, Object> tree = result(one.label(), one.result());
            one.failure().ifPresent(failure -> {
                tree.put("error", Advised.problemOf(failure));
                tree.put("next", Advised.nextOf(failure));
            });
            list.add(tree);
        }
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put(name, list);
        if (ending != null) {
            tree.putAll(ending.json());
        }
        return tree;
    }

    static Map<String, Object> result(String ifname, Result result) {
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
        tree.put("warnings", result.warnings().stream().map(Finding::text).toList());
        tree.put(
                "warning_findings",
                result.warnings().stream().map(JsonReport::finding).toList());
        return tree;
    }

    static Map<String, Object> identity(AttachmentView view) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("interface", view.ifname());
        tree.put("ifindex", view.location().ifindex());
        tree.put("netns", view.location().netns());
        tree.put("netns_name", view.location().netnsName());
        return tree;
    }

    static Map<String, Object> describe(AttachmentView view, NetworkNames networks) {
        Verdict verdict = Verdict.of(view);
        Map<String, Object> tree = identity(view);
        tree.put("state", view.state().name().toLowerCase(Locale.ROOT));
        tree.put("hook", view.attached().map(AttachmentView.AttachedProgram::hook));
        tree.put("program_id", view.attached().map(h -> h.program().id()));
        tree.put("program_tag", view.attached().map(h -> h.program().tag()));
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
        tree.put("findings", view.findings().stream().map(JsonReport::finding).toList());
        tree.put(
                "host_changes",
                Report.changes(view).stream().map(HostChange::label).toList());
        view.contents().ifPresent(contents -> {
            tree.put("port", contents.rules().port());
            tree.put("rules", ruleList(contents.rules(), networks));
            tree.put(
                    "last_decrypted_seconds",
                    contents.lastDecryptedNanos().isPresent()
                            ? contents.lastDecryptedNanos().getAsLong() / 1e9
                            : null);
            tree.putAll(counts(contents, view.backstop(), networks));
        });
        return tree;
    }

    static Map<String, Object> finding(Finding finding) {
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

    static List<Object> ruleList(RuleSet rules, NetworkNames networks) {
        List<Object> list = new ArrayList<>();
        rules.any().ifPresent(rule -> list.add(rule(VniSelection.ANY, rule)));
        rules.byVni().forEach((vni, rule) -> {
            Map<String, Object> tree = rule(vni.value(), rule);
            tree.put("network", network(vni, networks));
            list.add(tree);
        });
        return list;
    }

    /** Null: not known. */
    private static String network(Vni vni, NetworkNames networks) {
        String name = networks.of(vni.value());
        return name.isEmpty() ? null : name;
    }

    static Map<String, Object> rule(Object vni, Rule rule) {
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

    static Map<String, Object> counts(
            AttachmentView.Contents contents, Optional<BackstopView> backstop, NetworkNames networks) {
        Map<String, Object> tree = new LinkedHashMap<>();
        List<Object> byVni = new ArrayList<>();
        contents.countersOfAny()
                .ifPresent(counters -> byVni.add(counters(
                        VniSelection.ANY,
                        counters,
                        backstop.map(BackstopView::ofAny).orElse(BackstopCounters.NONE))));
        contents.counters().forEach((vni, counters) -> {
            Map<String, Object> one = counters(
                    vni.value(), counters, backstop.map(b -> b.byVni().get(vni)).orElse(BackstopCounters.NONE));
            one.put("network", network(vni, networks));
            byVni.add(one);
        });
        tree.put("counters", byVni);
        Map<String, Object> totals = new LinkedHashMap<>();
        for (Total total : Total.values()) {
            totals.put(total.label(), count(contents.totals().get(total)));
        }
        tree.put("totals", totals);
        return tree;
    }

    /** The counts of tc; under "backstop", those of nftables and csumbpf_detour. */
    static Map<String, Object> counters(Object vni, Counters counters, BackstopCounters backstop) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("vni", vni);
        counters.byOutcome().forEach((outcome, count) -> tree.put(outcome.label(), count(count)));
        Map<String, Object> afterTc = new LinkedHashMap<>();
        backstop.byOutcome().forEach((outcome, count) -> afterTc.put(outcome.label(), count(count)));
        tree.put("backstop", afterTc);
        return tree;
    }

    static Map<String, Object> count(Count count) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("packets", count.packets());
        tree.put("bytes", count.bytes());
        return tree;
    }

    static List<Object> peerList(AttachmentView view, NetworkNames networks) {
        long now = MonotonicClock.nanos();
        List<Object> list = new ArrayList<>();
        Report.sorted(view).forEach(entry -> {
            Peer peer = entry.getValue();
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("vni", entry.getKey().vni().value());
            tree.put("network", network(entry.getKey().vni(), networks));
            tree.put("source", entry.getKey().source().getHostAddress());
            tree.put("destination", entry.getKey().destination().getHostAddress());
            tree.put("packets", peer.packets());
            tree.put("bytes", peer.bytes());
            tree.put("bad", peer.bad());
            tree.put("spi", peer.spi() == 0 ? null : Report.spi(peer));
            tree.put("delta", peer.delta() == Peer.DELTA_UNKNOWN ? null : Report.hexDelta(peer));
            tree.put("delta_trusted", peer.trusted());
            tree.put("last_seen_seconds", Math.max(0, now - peer.lastSeenNanos()) / 1e9);
            tree.put("looked_seconds", peer.checkedNanos() == 0 ? null : Math.max(0, now - peer.checkedNanos()) / 1e9);
            list.add(tree);
        });
        return list;
    }
}
