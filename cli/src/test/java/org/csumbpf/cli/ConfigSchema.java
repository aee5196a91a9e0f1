// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.config.Key;

/**
 * Writes the JSON Schema (draft 2020-12) of the agent's configuration file, for editors. The keys are those of {@link Key},
 * their descriptions the comments of the example. What a text means, only csumbpf itself can say: 'csumbpf config check'.
 *
 * <p>Arguments: the example, deploy/csumbpf.yaml, and the file that is written.
 */
final class ConfigSchema {
    private static final Pattern LINE = Pattern.compile("#(?:((?:  )*)([a-z-]+):.*| *#? (.*))");
    /** Numbers and ranges of VNIs: 4097,4100-4110,0x100d. */
    private static final String VNIS = "^[0-9a-fA-Fx, -]+$";

    private ConfigSchema() {}

    public static void main(String[] args) throws IOException {
        StringWriter text = new StringWriter();
        Json.print(text, schema(descriptions(Files.readAllLines(Path.of(args[0])))));
        Files.writeString(Path.of(args[1]), text + "\n");
    }

    private static Map<String, Object> schema(Map<String, String> descriptions) {
        Map<String, Object> root = section("", descriptions);
        Map<String, Object> schema = new LinkedHashMap<>();
        schema.put("$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.put("title", "Configuration of csumbpf agent: /etc/csumbpf/csumbpf.yaml");
        schema.putAll(root);
        for (Key<?> key : Key.ALL) {
            Map<String, Object> at = root;
            String path = "";
            String[] names = key.name().split("\\.");
            for (String name : List.of(names).subList(0, names.length - 1)) {
                path = path.isEmpty() ? name : path + "." + name;
                String section = path;
                at = child(properties(at), name, () -> section(section, descriptions));
            }
            properties(at).put(key.lastName(), value(key, descriptions.get(key.name())));
        }
        Map<String, Object> rules = child(properties(root), "rules", () -> section("rules", descriptions));
        properties(rules).put("vnis", rulesBy(Map.of(VNIS, rule())));
        properties(rules).put("networks", rulesBy(Map.of("", rule())));
        return schema;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> properties(Map<String, Object> section) {
        return (Map<String, Object>) section.get("properties");
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> child(
            Map<String, Object> properties, String name, Supplier<Map<String, Object>> made) {
        return (Map<String, Object>) properties.computeIfAbsent(name, n -> made.get());
    }

    /** An empty section is null to YAML. */
    private static Map<String, Object> section(String name, Map<String, String> descriptions) {
        Map<String, Object> section = new LinkedHashMap<>();
        if (descriptions.containsKey(name)) {
            section.put("description", descriptions.get(name));
        }
        section.put("type", List.of("object", "null"));
        section.put("properties", new LinkedHashMap<>());
        section.put("additionalProperties", false);
        return section;
    }

    private static Map<String, Object> rulesBy(Map<String, Object> patterns) {
        Map<String, Object> rules = new LinkedHashMap<>();
        rules.put("type", List.of("object", "null"));
        rules.put("patternProperties", patterns);
        rules.put("additionalProperties", false);
        return rules;
    }

    private static Map<String, Object> rule() {
        Map<String, Object> rule = section("", Map.of());
        Key.ofRule().forEach(key -> {
            Map<String, Object> value = value(key, null);
            value.remove("default"); // it is that of rules.default
            properties(rule).put(key.lastName(), value);
        });
        return rule;
    }

    private static <T> Map<String, Object> value(Key<T> key, String description) {
        Map<String, Object> value = new LinkedHashMap<>();
        if (description != null) {
            value.put("description", description);
        }
        switch (key.form()) {
            case BOOLEAN -> value.put("type", "boolean");
            case NUMBER -> {
                value.put("type", "integer");
                value.put("minimum", key.range().orElseThrow().min());
                value.put("maximum", key.range().orElseThrow().max());
            }
            case LIST -> {
                value.put("type", "array");
                value.put("items", Map.of("type", List.of("string", "number")));
            }
            case TEXT -> {
                if (key.words().isEmpty()) {
                    // 90 is a duration, 4789 a port.
                    value.put("type", List.of("string", "integer"));
                } else {
                    value.put("enum", key.words());
                }
            }
        }
        value.put("default", key.tree(key.defaultValue()));
        return value;
    }

    /** The comments before the keys of the example, by the keys' names with their sections. */
    private static Map<String, String> descriptions(List<String> lines) {
        Map<String, String> found = new LinkedHashMap<>();
        Map<Integer, String> sections = new LinkedHashMap<>();
        StringBuilder comment = new StringBuilder();
        for (String line : lines) {
            Matcher key = LINE.matcher(line);
            if (!key.matches()) {
                comment.setLength(0);
            } else if (key.group(3) != null) {
                comment.append(comment.isEmpty() ? "" : " ").append(key.group(3));
            } else {
                int depth = key.group(1).length() / 2;
                sections.keySet().removeIf(other -> other >= depth);
                sections.put(depth, key.group(2));
                if (!comment.isEmpty()) {
                    found.put(String.join(".", sections.values()), comment.toString());
                }
                comment.setLength(0);
            }
        }
        return found;
    }
}
