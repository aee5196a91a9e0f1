// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.Key;
import org.csumbpf.config.Origin;
import org.csumbpf.config.RuleSettings;
import org.csumbpf.config.Setting;
import org.csumbpf.text.Unprintable;

/** A configuration with the origin of each value: as a configuration file, and as a JSON tree. */
final class ConfigReport {
    private static final int COMMENT_COLUMN = 40;
    /** What YAML reads as text in any place, and cannot take for a number, a word of its own or the end of a text. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z/][A-Za-z0-9_./:-]*[A-Za-z0-9_./-]|[A-Za-z]");

    private static final Pattern OTHER_TYPE = Pattern.compile("(?i)true|false|null");

    private ConfigReport() {}

    static List<String> lines(AgentConfig config) {
        List<String> lines = new ArrayList<>();
        String section = "";
        for (Key<?> key : Key.ALL) {
            section = heading(lines, section, key.name());
            lines.add(line(indent(key.name()), key.lastName(), key, config.setting(key)));
            if (key == Key.UNVERIFIED) {
                rules(lines, config);
            }
        }
        return lines;
    }

    /** Adds the headings of the sections that begin with this key. Returns its section. */
    private static String heading(List<String> lines, String before, String name) {
        String section = name.lastIndexOf('.') < 0 ? "" : name.substring(0, name.lastIndexOf('.'));
        String[] parts = section.isEmpty() ? new String[0] : section.split("\\.");
        for (int i = 0; i < parts.length; i++) {
            String whole = String.join(".", List.of(parts).subList(0, i + 1));
            if (!(before + ".").startsWith(whole + ".")) {
                lines.add("  ".repeat(i) + parts[i] + ":");
            }
        }
        return section;
    }

    private static int indent(String name) {
        return (int) name.chars().filter(c -> c == '.').count();
    }

    private static void rules(List<String> lines, AgentConfig config) {
        for (boolean ofVnis : new boolean[] {true, false}) {
            List<RuleSettings> some = config.rules().stream()
                    .filter(rule -> rule.vnis().isPresent() == ofVnis)
                    .toList();
            if (!some.isEmpty()) {
                lines.add(ofVnis ? "  vnis:" : "  networks:");
            }
            for (RuleSettings rule : some) {
                lines.add(
                        rule.settings().isEmpty()
                                ? comment("    " + quote(rule.subject()) + ": {}", rule.origin())
                                : "    " + quote(rule.subject()) + ":");
                rule.settings().forEach((key, setting) -> lines.add(line(3, key.lastName(), key, setting)));
            }
        }
    }

    private static String line(int indent, String name, Key<?> key, Setting<?> setting) {
        return comment("  ".repeat(indent) + name + ": " + yaml(tree(key, setting)), setting.origin());
    }

    private static String comment(String text, Origin origin) {
        return text + " ".repeat(Math.max(1, COMMENT_COLUMN - text.length())) + "# "
                + Unprintable.escape(origin.text());
    }

    private static String yaml(Object tree) {
        if (tree instanceof List<?> list) {
            return list.stream().map(element -> quote(element.toString())).collect(Collectors.joining(", ", "[", "]"));
        }
        return tree instanceof String text ? quote(text) : tree.toString();
    }

    /** As YAML reads it back: JSON's strings are YAML's, too. */
    private static String quote(String text) {
        if (PLAIN.matcher(text).matches() && !OTHER_TYPE.matcher(text).matches()
                || text.matches("[0-9]{1,9}[a-z]?[0-9a-z-]*")) {
            return text;
        }
        StringWriter quoted = new StringWriter();
        Json.print(quoted, text);
        StringBuilder ascii = new StringBuilder();
        for (char c : quoted.toString().toCharArray()) {
            if (Unprintable.is(c)) {
                ascii.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            } else {
                ascii.append(c);
            }
        }
        return ascii.toString();
    }

    @SuppressWarnings("unchecked") // a setting's value has the type of its key
    private static <T> Object tree(Key<T> key, Setting<?> setting) {
        return key.tree((T) setting.value());
    }

    /** Names of its members never change meaning. */
    static Map<String, Object> json(AgentConfig config, Path file) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("file", file);
        tree.put("exists", Files.exists(file));
        Map<String, Object> settings = new LinkedHashMap<>();
        Key.ALL.forEach(key -> settings.put(key.name(), json(key, config.setting(key))));
        tree.put("settings", settings);
        tree.put("rules", config.rules().stream().map(ConfigReport::json).toList());
        return tree;
    }

    private static Map<String, Object> json(Key<?> key, Setting<?> setting) {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("value", tree(key, setting));
        about.putAll(json(setting.origin()));
        return about;
    }

    private static Map<String, Object> json(RuleSettings rule) {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put(rule.vnis().isPresent() ? "vnis" : "network", rule.subject());
        about.putAll(json(rule.origin()));
        Map<String, Object> settings = new LinkedHashMap<>();
        rule.settings().forEach((key, setting) -> settings.put(key.lastName(), json(key, setting)));
        about.put("settings", settings);
        return about;
    }

    /** The same members for each kind of origin. */
    static Map<String, Object> json(Origin origin) {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put(
                "origin",
                origin instanceof Origin.Line ? "file" : origin instanceof Origin.Option ? "option" : "default");
        about.put("file", origin instanceof Origin.Line at ? at.file().toString() : null);
        about.put("line", origin instanceof Origin.Line at && at.line() > 0 ? at.line() : null);
        about.put("option", origin instanceof Origin.Option option ? option.name() : null);
        return about;
    }
}
