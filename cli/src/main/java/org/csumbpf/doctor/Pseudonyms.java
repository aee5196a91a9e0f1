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
        }
        // The longer first: one name may be the beginning of another.
        found.stream()
                .filter(name -> !name.isBlank())
                .sorted(Comparator.comparing(String::length).reversed().thenComparing(name -> name))
                .forEach(name -> names.put(name, "name-" + (names.size() + 1)));
    }

    JsonNode in(JsonNode node) {
        if (node instanceof ObjectNode object) {
            ObjectNode copy = JsonNodeFactory.instance.objectNode();
            object.fields().forEachRemaining(field -> copy.set(replaced(field.getKey()), in(field.getValue())));
            return copy;
        }
        if (node instanceof ArrayNode array) {
            ArrayNode copy = JsonNodeFactory.instance.arrayNode();
            array.forEach(element -> copy.add(in(element)));
            return copy;
        }
        return node instanceof TextNode text ? new TextNode(replaced(text.textValue())) : node;
    }

    private String replaced(String text) {
        if (names.containsKey(text)) {
            return names.get(text);
        }
        String result = text;
        result = each(
                STATION,
                result,
                station -> station.equals("00:00:00:00:00:00") ? station : number(station, n -> "02:00:00:" + hex(n)));
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
        for (Map.Entry<String, String> name : names.entrySet()) {
            // A short name may be a part of any word.
            result = name.getKey().length() < 3 ? result : result.replace(name.getKey(), name.getValue());
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
                || address.startsWith("02:00:00:");
    }

    private String number(String original, IntFunction<String> name) {
        return known.computeIfAbsent(original, o -> name.apply(known.size() + 1));
    }

    private static String each(Pattern pattern, String text, UnaryOperator<String> replacement) {
        return pattern.matcher(text).replaceAll(found -> Matcher.quoteReplacement(replacement.apply(found.group())));
    }
}
