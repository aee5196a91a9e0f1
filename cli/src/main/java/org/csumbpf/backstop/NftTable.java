// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Vni;
import org.csumbpf.text.JsonTree;

/**
 * A table csumbpf as the kernel has it, parsed from {@code nft -n -t list table}, and its sets from
 * {@code nft -j list set} (libnftables-json(5)). Does not ask the kernel.
 *
 * @param chains every chain, with the text between its braces: see {@link NftPlan#chains()}
 * @param rules of chains that have any, in their order: what identifies each
 * @param sets VNIs and their counts, by set
 * @param counters named counters
 * @param dormant whether the kernel skips the table
 */
public record NftTable(
        Map<String, String> chains,
        Map<String, List<String>> rules,
        Map<String, Map<Vni, Count>> sets,
        Map<String, Count> counters,
        boolean dormant) {
    static final NftTable NONE = new NftTable(Map.of(), Map.of(), Map.of(), Map.of(), false);

    /** Between a rule's verdict and its comment, in what identifies the rule. */
    private static final String COMMENTED = " # ";

    private static final Pattern COMMENT = Pattern.compile("(.*) comment \"([^\"]*)\"");

    /** What identifies a rule of the text that nft lists: its comment, if any, and its verdict. */
    static String identify(String rule) {
        Matcher commented = COMMENT.matcher(rule);
        return commented.matches() ? identify(commented.group(2), commented.group(1)) : verdict(rule);
    }

    /** What identifies a rule of this comment and these statements. */
    static String identify(String comment, String statements) {
        return verdict(statements) + COMMENTED + comment;
    }

    /** The last statement: "drop", "return", "goto if2-repair" … */
    private static String verdict(String statements) {
        String[] words = statements.split(" ");
        String last = words[words.length - 1];
        String before = words.length > 1 ? words[words.length - 2] : "";
        return before.equals("goto") || before.equals("jump") ? before + " " + last : last;
    }

    /** Whether {@code nft list tables} lists a table csumbpf of the family. */
    static boolean listed(String text, NftPlan.Family family) {
        return text.lines().anyMatch(("table " + family.label() + " " + NftPlan.TABLE)::equals);
    }

    /** Parses all but the elements of sets. */
    static NftTable parse(String text) {
        Map<String, String> chains = new TreeMap<>();
        Map<String, List<String>> rules = new HashMap<>();
        Map<String, Map<Vni, Count>> sets = new TreeMap<>();
        Map<String, Count> counters = new TreeMap<>();
        boolean dormant = false;
        String kind = "";
        String name = "";
        for (String line : text.split("\n")) {
            String[] words = line.strip().split(" ");
            if (line.startsWith("\t\t")) {
                if (kind.equals("counter") && words.length == 4) {
                    counters.put(name, new Count(Long.parseUnsignedLong(words[1]), Long.parseUnsignedLong(words[3])));
                } else if (kind.equals("chain") && words[0].equals("type")) {
                    chains.put(name, line.strip());
                } else if (kind.equals("chain")) {
                    rules.computeIfAbsent(name, c -> new ArrayList<>()).add(identify(line.strip()));
                }
            } else if (words.length == 3 && words[2].equals("{")) {
                kind = words[0];
                name = words[1];
                switch (kind) {
                    case "chain" -> chains.put(name, "");
                    case "set" -> sets.put(name, Map.of());
                    case "counter" -> counters.put(name, Count.NONE);
                    default -> {} // the table itself, and what csumbpf never makes
                }
            } else if (words[0].equals("flags")) {
                dormant |= line.contains("dormant");
            }
        }
        return new NftTable(chains, rules, sets, counters, dormant);
    }

    /** @param json of a set, by its name */
    NftTable withElements(UnaryOperator<String> json) {
        Map<String, Map<Vni, Count>> filled = new TreeMap<>();
        for (String name : sets.keySet()) {
            Map<Vni, Count> elements = new TreeMap<>();
            if (NftPlan.coined(name)) {
                objects(json.apply(name), "set").forEach(set -> elements.putAll(elements(set.get("elem"))));
            }
            filled.put(name, elements);
        }
        return new NftTable(chains, rules, filled, counters, dormant);
    }

    /**
     * Whether csumbpf made the table. A rule has the mark; or, if somebody flushed the rules, all names are of
     * csumbpf's kind. Any other table is somebody else's, whatever its name.
     */
    public boolean ours() {
        boolean marked =
                rules.values().stream().flatMap(List::stream).anyMatch(rule -> rule.contains(COMMENTED + NftPlan.MARK));
        return marked || (!chains.isEmpty() && names().allMatch(NftPlan::coined));
    }

    /** The names of all chains, sets and counters. */
    Stream<String> names() {
        return Stream.of(chains.keySet(), sets.keySet(), counters.keySet()).flatMap(Set::stream);
    }

    /** Whether the table holds anything of that attachment. */
    public boolean holds(int ifindex) {
        return names().anyMatch(name -> NftPlan.owns(ifindex, name));
    }

    /** The ifindexes of the attachments that have anything in the table. */
    Set<Integer> owners() {
        return names().flatMap(name -> NftPlan.owner(name).stream()).collect(Collectors.toCollection(TreeSet::new));
    }

    /**
     * Whether the table holds what the plan needs, and nothing else under the attachment's name. The kernel lists rules
     * in another form than they were written, so each is recognised by its comment, which a replaced rule loses, and by
     * its last statement.
     */
    boolean fulfils(NftPlan plan) {
        if (dormant) {
            return false;
        }
        for (Map.Entry<String, String> chain : plan.chains().entrySet()) {
            if (!chain.getValue().equals(chains.get(chain.getKey()))) {
                return false;
            }
        }
        for (Map.Entry<String, List<String>> chain : plan.expected().entrySet()) {
            if (!chain.getValue().equals(rules.get(chain.getKey()))) {
                return false;
            }
        }
        for (Map.Entry<NftPlan.Kind, ? extends Set<Vni>> set : plan.sets().entrySet()) {
            Map<Vni, Count> elements = sets.get(plan.set(set.getKey()));
            if (elements == null || !elements.keySet().equals(set.getValue())) {
                return false;
            }
        }
        long expected = (long) plan.chains().size()
                + plan.sets().size()
                + plan.counters().size();
        return counters.keySet().containsAll(plan.counters())
                && names().filter(name -> NftPlan.owns(plan.ifindex(), name)).count() == expected;
    }

    private static Stream<Map<?, ?>> objects(String json, String type) {
        Object all = JsonTree.parse(json) instanceof Map<?, ?> root ? root.get("nftables") : null;
        if (!(all instanceof List<?> list)) {
            throw new IllegalStateException("libnftables printed no list 'nftables'");
        }
        return list.stream()
                .map(entry -> entry instanceof Map<?, ?> object ? object.get(type) : null)
                .filter(object -> object instanceof Map<?, ?>)
                .map(object -> (Map<?, ?>) object);
    }

    /** Elements are numbers, or objects with "val" and "counter" if the set counts. */
    private static Map<Vni, Count> elements(Object elements) {
        Map<Vni, Count> counts = new TreeMap<>();
        if (elements instanceof List<?> list) {
            for (Object element : list) {
                Object body = element instanceof Map<?, ?> object ? object.get("elem") : element;
                if (body instanceof Map<?, ?> object && object.get("val") instanceof Number vni) {
                    Count count = object.get("counter") instanceof Map<?, ?> counter ? count(counter) : Count.NONE;
                    counts.put(new Vni(vni.intValue()), count);
                } else if (body instanceof Number vni) {
                    counts.put(new Vni(vni.intValue()), Count.NONE);
                }
            }
        }
        return counts;
    }

    private static Count count(Map<?, ?> counter) {
        return new Count(number(counter, "packets"), number(counter, "bytes"));
    }

    private static long number(Map<?, ?> object, String name) {
        return object.get(name) instanceof Number number ? number.longValue() : 0;
    }
}
