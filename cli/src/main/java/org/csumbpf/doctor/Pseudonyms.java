// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replaces addresses and names in a bundle, each always by the same, so that what was equal stays equal: addresses by
 * those for benchmarks and documentation (RFC 2544, RFC 3849), station addresses by local ones, networks and nodes by
 * numbers. Addresses that say what kind they are (0.0.0.0, loopback, groups) stay.
 */
final class Pseudonyms {
    private static final Pattern IPV4 = Pattern.compile("(?<![\\d.])\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\d.]*\\d)");
    private static final Pattern STATION =
            Pattern.compile("(?<![0-9a-fA-F:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![0-9a-fA-F:])");
    private static final Pattern IPV6 =
            Pattern.compile("(?<![0-9a-fA-F:.])(?=[0-9a-fA-F]*:[0-9a-fA-F]*:)[0-9a-fA-F:]{3,39}(?![0-9a-fA-F:])");

    private static final Set<String> KEYED_BY_NAME = Set.of("nodes", "peers", "not_read");
    private static final Set<String> NAMED = Set.of(
            "netns", "networks", "nodes", "not_read", "evidence", "subject", "remedy", "rule", "chain", "offload_harm");

    private final Map<String, String> known = new LinkedHashMap<>();
    private final Map<String, String> names = new LinkedHashMap<>();

    Pseudonyms(Watch watch) {
        Set<String> found = new HashSet<>();
        for (HostState state : new HostState[] {watch.before(), watch.after()}) {
            if (state.docker() != null) {
                found.addAll(state.docker().nodes().keySet());
                state.docker().networks().forEach(network -> {
                    found.add(network.name());
                    found.addAll(network.peers().keySet());
                });
            }
            state.vxlans().forEach(vxlan -> found.add(vxlan.netns()));
            found.add(state.netns());
        }
        // The longer first: one name may be the beginning of another.
        found.stream()
                .filter(name -> !name.isBlank())
                .sorted(Comparator.comparing(String::length).reversed().thenComparing(name -> name))
                .forEach(name -> names.put(name, "name-" + (names.size() + 1)));
    }

    JsonNode in(JsonNode node) {
        return in(node, "", false);
    }

    /**
     * @param field whose value the node is
     * @param named whether names of people's choice can be in the field. A network may be called "vxlan" or "out", which
     *     are other things elsewhere
     */
    private JsonNode in(JsonNode node, String field, boolean named) {
        if (node instanceof ObjectNode object) {
            ObjectNode copy = JsonNodeFactory.instance.objectNode();
            boolean keys = KEYED_BY_NAME.contains(field);
            object.fields()
                    .forEachRemaining(member -> copy.set(
                            keys ? replaced(member.getKey(), true) : member.getKey(),
                            in(
                                    member.getValue(),
                                    member.getKey(),
                                    named && !member.getKey().equals("version")
                                            || keys
                                            || NAMED.contains(member.getKey()))));
            return copy;
        }
        if (node instanceof ArrayNode array) {
            ArrayNode copy = JsonNodeFactory.instance.arrayNode();
            array.forEach(element -> copy.add(in(element, field, named)));
            return copy;
        }
        return node instanceof TextNode text ? new TextNode(replaced(text.textValue(), named)) : node;
    }

    private String replaced(String text, boolean named) {
        if (named && names.containsKey(text)) {
            return names.get(text);
        }
        String result = text;
        result = each(STATION, result, station -> says(station) ? station : number(station, n -> "02:00:00:" + hex(n)));
        result = each(
                IPV4,
                result,
                address ->
                        says(address) ? address : number(address, n -> "198.18." + (n >> 8 & 0xff) + "." + (n & 0xff)));
        result = each(
                IPV6,
                result,
                address ->
                        says(address) ? address : number(address, n -> "2001:db8:0:0:0:0:0:" + Integer.toHexString(n)));
        if (named) {
            for (Map.Entry<String, String> name : names.entrySet()) {
                result = result.replaceAll(
                        "(?<![\\w-])" + Pattern.quote(name.getKey()) + "(?![\\w-])",
                        Matcher.quoteReplacement(name.getValue()));
            }
        }
        return result;
    }

    private static String hex(int n) {
        return String.format("%02x:%02x:%02x", n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff);
    }

    private static boolean says(String address) {
        return address.startsWith("127.")
                || address.startsWith("0.")
                || address.matches("2[2-5]\\d\\..*")
                || address.matches("(0:){7}[01]|::1?")
                || address.startsWith("ff")
                || address.equals("00:00:00:00:00:00")
                || address.startsWith("02:00:00:");
    }

    private String number(String original, IntFunction<String> name) {
        return known.computeIfAbsent(original, o -> name.apply(known.size() + 1));
    }

    private static String each(Pattern pattern, String text, UnaryOperator<String> replacement) {
        return pattern.matcher(text).replaceAll(found -> Matcher.quoteReplacement(replacement.apply(found.group())));
    }
}
