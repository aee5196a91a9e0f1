// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.desired;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.text.VniRanges;

/** The differences between two sets of rules. */
public final class RuleChanges {
    private RuleChanges() {}

    /** Number of map elements that must be written or deleted. */
    public static int elements(RuleSet from, RuleSet to) {
        int elements = from.config().equals(to.config()) ? 0 : 1;
        for (Vni vni : union(from, to)) {
            Rule before = from.byVni().get(vni);
            if (before == null || !before.equals(to.byVni().get(vni))) {
                elements++;
            }
        }
        return elements;
    }

    /** In words; VNIs with the same kind of change share a line. */
    public static List<String> between(RuleSet from, RuleSet to) {
        List<String> words = new ArrayList<>();
        if (from.port() != to.port()) {
            words.add("port " + from.port() + " -> " + to.port());
        }
        if (!from.any().equals(to.any())) {
            words.add(to.any()
                    .map(rule ->
                            (from.any().isPresent() ? "changed" : "added") + " the rule for any vni: " + describe(rule))
                    .orElse("removed the rule for any vni"));
        }
        List<Vni> added = new ArrayList<>();
        List<Vni> changed = new ArrayList<>();
        List<Vni> removed = new ArrayList<>();
        for (Vni vni : union(from, to)) {
            Rule before = from.byVni().get(vni);
            Rule after = to.byVni().get(vni);
            if (before == null) {
                added.add(vni);
            } else if (after == null) {
                removed.add(vni);
            } else if (!before.equals(after)) {
                changed.add(vni);
            }
        }
        say(words, "added vni ", added, to.byVni());
        say(words, "changed vni ", changed, to.byVni());
        say(words, "removed vni ", removed, Map.of());
        return words;
    }

    /** A rule as status prints it. */
    public static String describe(Rule rule) {
        return "mode " + rule.mode().label() + (rule.verify() == 0 ? "" : " (verify 1 in " + rule.verify() + ")") + ", "
                + (rule.unverified() ? "unverified" : "plaintext " + (rule.dropPlaintext() ? "drop" : "pass"));
    }

    private static void say(List<String> words, String verb, List<Vni> vnis, Map<Vni, Rule> rules) {
        if (vnis.isEmpty()) {
            return;
        }
        String tail = rules.isEmpty() ? "" : ": " + describe(rules.get(vnis.get(0)));
        words.add(verb + VniRanges.format(vnis) + tail);
    }

    private static TreeSet<Vni> union(RuleSet from, RuleSet to) {
        TreeSet<Vni> union = new TreeSet<>(from.byVni().keySet());
        union.addAll(to.byVni().keySet());
        return union;
    }
}
