// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Vni;

/**
 * A table csumbpf as the kernel has it, read from {@code nft -j list table} (libnftables-json(5)). Pure.
 *
 * @param rules number of rules by chain; every chain is there
 * @param comments of rules, by chain
 * @param sets VNIs and their counts, by set
 * @param counters named counters
 */
record NftTable(
        Map<String, Integer> rules,
        Map<String, List<String>> comments,
        Map<String, Map<Vni, Count>> sets,
        Map<String, Count> counters) {

    /** Whether a table of ours is among those of {@code nft -j list tables}. */
    static boolean listed(String json, NftPlan.Family family) {
        return objects(json, "table")
                .anyMatch(table -> Objects.equals(table.get("family"), family.label())
                        && Objects.equals(table.get("name"), NftPlan.TABLE));
    }

    static NftTable parse(String json) {
        Map<String, Integer> rules = new TreeMap<>();
        Map<String, List<String>> comments = new HashMap<>();
        objects(json, "chain").forEach(chain -> rules.put(text(chain, "name"), 0));
        objects(json, "rule").forEach(rule -> {
            String chain = text(rule, "chain");
            rules.merge(chain, 1, Integer::sum);
            if (rule.get("comment") instanceof String comment) {
                comments.computeIfAbsent(chain, c -> new ArrayList<>()).add(comment);
            }
        });
        Map<String, Map<Vni, Count>> sets = new TreeMap<>();
        objects(json, "set").forEach(set -> sets.put(text(set, "name"), elements(set.get("elem"))));
        Map<String, Count> counters = new TreeMap<>();
        objects(json, "counter").forEach(counter -> counters.put(text(counter, "name"), count(counter)));
        return new NftTable(rules, comments, sets, counters);
    }

    /**
     * Whether csumbpf made it: by the mark, or where somebody flushed the rules and the mark with them, by names that are all
     * its own. Any other table is somebody else's, whatever its name.
     */
    boolean ours() {
        boolean marked =
                comments.values().stream().flatMap(List::stream).anyMatch(comment -> comment.startsWith(NftPlan.MARK));
        return marked || (!rules.isEmpty() && names().allMatch(NftPlan::coined));
    }

    /** Names of all that is in it: chains, sets, counters. */
    Stream<String> names() {
        return Stream.of(rules.keySet(), sets.keySet(), counters.keySet()).flatMap(Set::stream);
    }

    /** Whether anything in it is that attachment's. */
    boolean holds(int ifindex) {
        return names().anyMatch(name -> NftPlan.owns(ifindex, name));
    }

    /** Whether it holds what the plan wants, and nothing else under the attachment's name. */
    boolean fulfils(NftPlan plan) {
        Map<String, List<String>> wanted = plan.rules();
        for (Map.Entry<String, List<String>> chain : wanted.entrySet()) {
            if (!Objects.equals(rules.get(chain.getKey()), chain.getValue().size())) {
                return false;
            }
        }
        boolean marked =
                comments.getOrDefault(NftPlan.prefix(plan.ifindex()), List.of()).contains(plan.comment());
        for (Map.Entry<NftPlan.Kind, ? extends Set<Vni>> set : plan.sets().entrySet()) {
            Map<Vni, Count> elements = sets.get(plan.set(set.getKey()));
            if (elements == null || !elements.keySet().equals(set.getValue())) {
                return false;
            }
        }
        long expected =
                (long) wanted.size() + plan.sets().size() + plan.counters().size();
        return marked
                && counters.keySet().containsAll(plan.counters())
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

    /** Elements are numbers, or objects with "val" and "counter" where the set counts. */
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

    private static String text(Map<?, ?> object, String name) {
        return Optional.ofNullable(object.get(name)).map(Object::toString).orElse("");
    }
}
