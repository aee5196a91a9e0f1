// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.csumbpf.maps.Vni;
import org.csumbpf.text.Similar;
import org.csumbpf.text.VniRanges;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.scanner.StreamReader;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * Reads a configuration file: YAML 1.2, core schema. The file may hold anything: its size, depth and aliases are
 * limited, and no object is made from a tag. All problems are collected, with their lines.
 */
final class ConfigFile {
    /** A file with a rule for each of 4,096 VNIs has half of it. */
    static final int MOST_BYTES = 256 << 10;
    /** The vocabulary needs four. */
    static final int DEEPEST = 16;

    static final int MOST_PROBLEMS = 50;
    /** Each is compared with each device, whenever the host changes. */
    static final int MOST_ELEMENTS = 256;

    private static final LoadSettings YAML = LoadSettings.builder()
            .setSchema(new CoreSchema())
            // Reported here, with their lines.
            .setAllowDuplicateKeys(true)
            .setAllowNonScalarKeys(true)
            .setMaxAliasesForCollections(50)
            .build();

    /** @param name of the key, as it stands in the file */
    private record Entry(String name, Node key, Node value) {}

    private final Path file;
    private final List<ConfigProblem> problems = new ArrayList<>();
    private final Map<Key<?>, Setting<?>> settings = new LinkedHashMap<>();
    private final List<RuleSettings> rules = new ArrayList<>();
    /** In which rule each VNI stands. */
    private final Map<Vni, RuleSettings> ruled = new HashMap<>();
    /** VNIs in all rules so far, repeated ones each time: ranges that overlap take memory, too. */
    private int named;

    private ConfigFile(Path file) {
        this.file = file;
    }

    /**
     * @return empty: there is no such file
     * @throws ConfigException with all that is wrong
     */
    static Optional<AgentConfig> read(Path path) {
        ConfigFile file = new ConfigFile(path);
        byte[] bytes;
        try {
            bytes = file.bytes();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (AccessDeniedException e) {
            throw file.failure(0, "cannot be read: permission denied; run the command as root");
        } catch (FileSystemException e) {
            throw file.failure(0, "cannot be read: " + (e.getReason() == null ? "unknown reason" : e.getReason()));
        } catch (IOException e) {
            throw file.failure(0, "cannot be read: " + e.getMessage());
        }
        return Optional.of(file.parse(file.text(bytes)));
    }

    /** Asks what it is before it opens it: opening a FIFO would wait for a writer. */
    private byte[] bytes() throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        if (attributes.isDirectory()) {
            throw failure(0, "is a directory; name a file");
        }
        if (!attributes.isRegularFile()) {
            throw failure(0, "is not a regular file");
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(MOST_BYTES + 1);
            if (bytes.length > MOST_BYTES) {
                throw failure(0, "is longer than " + (MOST_BYTES >> 10) + " KiB");
            }
            return bytes;
        }
    }

    private String text(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        CharBuffer chars = CharBuffer.allocate(bytes.length + 1);
        CoderResult result = decoder.decode(ByteBuffer.wrap(bytes), chars, true);
        String text = chars.flip().toString();
        if (result.isError()) {
            throw failure(line(text, text.length()), "is not UTF-8 text");
        }
        text = text.startsWith("\ufeff") ? text.substring(1) : text;
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            int c = text.codePointAt(i);
            if (!StreamReader.isPrintable(c)) {
                throw failure(line(text, i), String.format("has the control character U+%04X", c));
            }
        }
        return text;
    }

    private static int line(String text, int index) {
        return 1 + (int) text.chars().limit(index).filter(c -> c == '\n').count();
    }

    private AgentConfig parse(String text) {
        Optional<Node> root;
        try {
            checkDepth(text);
            root = new Compose(YAML).composeString(text);
        } catch (MarkedYamlEngineException e) {
            String context = e.getContext() == null || e.getContext().isBlank() ? "" : e.getContext() + ": ";
            throw failure(
                    e.getProblemMark()
                            .or(e::getContextMark)
                            .map(mark -> mark.getLine() + 1)
                            .orElse(0),
                    "not YAML: " + context + e.getProblem());
        } catch (YamlEngineException e) {
            throw failure(0, "not YAML: " + e.getMessage());
        }
        root.ifPresent(node -> section(node, "", 1));
        AgentConfig config = new AgentConfig(settings, rules);
        if (problems.isEmpty()) {
            problems.addAll(config.conflicts());
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(sorted());
        }
        return config;
    }

    /** By line, and not so many that they fill a log. */
    private List<ConfigProblem> sorted() {
        List<ConfigProblem> sorted = new ArrayList<>(problems);
        sorted.sort(Comparator.comparingInt(problem -> problem.origin() instanceof Origin.Line at ? at.line() : 0));
        if (sorted.size() > MOST_PROBLEMS) {
            int more = sorted.size() - MOST_PROBLEMS;
            sorted.subList(MOST_PROBLEMS, sorted.size()).clear();
            sorted.add(new ConfigProblem(new Origin.Line(file, 0), "and " + more + " more problems"));
        }
        return sorted;
    }

    /** The parser needs no stack, but the composer does. */
    private void checkDepth(String text) {
        int depth = 0;
        for (Event event : new Parse(YAML).parseString(text)) {
            if (event.getEventId() == Event.ID.MappingStart || event.getEventId() == Event.ID.SequenceStart) {
                depth++;
            } else if (event.getEventId() == Event.ID.MappingEnd || event.getEventId() == Event.ID.SequenceEnd) {
                depth--;
            }
            if (depth > DEEPEST) {
                throw failure(line(event.getStartMark()), "is nested more than " + DEEPEST + " levels deep");
            }
        }
    }

    private static int line(Optional<Mark> mark) {
        return mark.map(at -> at.getLine() + 1).orElse(0);
    }

    private static int line(Node node) {
        return line(node.getStartMark());
    }

    private Origin at(int line) {
        return new Origin.Line(file, line);
    }

    private ConfigException failure(int line, String text) {
        return new ConfigException(List.of(new ConfigProblem(at(line), text)));
    }

    private void problem(int line, String text) {
        if (problems.size() >= 200 * MOST_PROBLEMS) {
            return; // few are shown, and a hostile file has one in three bytes
        }
        problems.add(new ConfigProblem(at(line), text));
    }

    private void section(Node node, String section, int line) {
        for (Entry entry : entries(node, section, line)) {
            String name = section.isEmpty() ? entry.name() : section + "." + entry.name();
            if (!Key.in(section).contains(entry.name())) {
                problem(line(entry.key()), "unknown key '" + entry.name() + "'" + meant(entry.name(), section));
            } else if (name.equals(Key.VNIS) || name.equals(Key.NETWORKS)) {
                entries(entry.value(), name, line(entry.key())).forEach(rule -> rule(rule, name));
            } else {
                Key.named(name)
                        .ifPresentOrElse(
                                key -> set(settings, key, name, entry),
                                () -> section(entry.value(), name, line(entry.key())));
            }
        }
    }

    private static String meant(String name, String section) {
        String where = section.isEmpty() ? "" : " in " + section;
        String similar = Similar.to(name, Key.in(section));
        if (similar != null) {
            return where + "; did you mean '" + similar + "'?";
        }
        return where
                + Key.ALL.stream()
                        .filter(key -> key.lastName().equals(name) || key.name().equals(name))
                        .findFirst()
                        .map(key -> "; '" + key.lastName() + "' belongs " + place(key))
                        .orElse("; known are " + String.join(", ", Key.in(section)));
    }

    private static String place(Key<?> key) {
        int section = key.name().lastIndexOf('.');
        return section < 0 ? "at the top of the file" : "in " + key.name().substring(0, section);
    }

    /** The keys of a mapping, each once. An empty value is an empty mapping: its lines may be comments. */
    private List<Entry> entries(Node node, String name, int line) {
        if (node instanceof ScalarNode && node.getTag().equals(Tag.NULL)) {
            return List.of();
        }
        if (!(node instanceof MappingNode mapping) || !node.getTag().equals(Tag.MAP)) {
            problem(
                    name.isEmpty() ? line(node) : line,
                    (name.isEmpty() ? "the file" : name) + " must hold keys with values, not " + kind(node));
            return List.of();
        }
        Map<String, Integer> seen = new HashMap<>();
        List<Entry> entries = new ArrayList<>();
        for (NodeTuple tuple : mapping.getValue()) {
            Node key = tuple.getKeyNode();
            if (!(key instanceof ScalarNode scalar) || !isPlain(scalar)) {
                problem(line(key), (name.isEmpty() ? "" : name + ": ") + "a key must be a word, not " + kind(key));
                continue;
            }
            Integer before = seen.putIfAbsent(scalar.getValue(), line(key));
            if (before == null) {
                entries.add(new Entry(scalar.getValue(), key, tuple.getValueNode()));
            } else {
                problem(
                        line(key),
                        "'" + scalar.getValue() + "'" + (name.isEmpty() ? "" : " in " + name)
                                + " is there twice; first in line " + before);
            }
        }
        return entries;
    }

    /** Whether the node's type is one of the core schema's, and not one that a tag made up. */
    private static boolean isPlain(ScalarNode node) {
        return List.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL).contains(node.getTag());
    }

    private static String kind(Node node) {
        if (node instanceof SequenceNode) {
            return node.getTag().equals(Tag.SEQ) ? "a list" : "the tag " + node.getTag();
        }
        if (node instanceof MappingNode) {
            return node.getTag().equals(Tag.MAP) ? "keys with values" : "the tag " + node.getTag();
        }
        if (node.getTag().equals(Tag.NULL)) {
            return "nothing";
        }
        return node instanceof ScalarNode scalar && isPlain(scalar)
                ? "'" + scalar.getValue() + "'"
                : "the tag " + node.getTag();
    }

    private <T> void set(Map<Key<?>, Setting<?>> into, Key<T> key, String name, Entry entry) {
        value(key, name, entry.value()).ifPresent(value -> into.put(key, new Setting<>(value, at(line(entry.key())))));
    }

    private <T> Optional<T> value(Key<T> key, String name, Node node) {
        if (key.form() == Key.Form.LIST) {
            return list(key, name, node);
        }
        if (node.getTag().equals(Tag.NULL)) {
            problem(line(node), name + " has no value; delete the line, or write " + example(key));
            return Optional.empty();
        }
        if (!(node instanceof ScalarNode scalar)
                || !isPlain(scalar)
                || key.form() == Key.Form.BOOLEAN && !node.getTag().equals(Tag.BOOL)
                || key.form() == Key.Form.NUMBER && node.getTag().equals(Tag.STR) && !scalar.isPlain()) {
            String expected = switch (key.form()) {
                case BOOLEAN -> "true or false";
                case NUMBER -> "a number without quotes";
                default -> "a single value";
            };
            problem(line(node), name + " must be " + expected + ", not " + kind(node));
            return Optional.empty();
        }
        return scalar(key, name, scalar);
    }

    private <T> Optional<T> scalar(Key<T> key, String name, ScalarNode node) {
        try {
            return Optional.of(key.parse(node.getValue()));
        } catch (IllegalArgumentException e) {
            problem(line(node), name + ": " + e.getMessage());
            return Optional.empty();
        }
    }

    private static <T> String example(Key<T> key) {
        return key.tree(key.defaultValue()).toString();
    }

    @SuppressWarnings("unchecked") // the value of a key with a list is a list
    private <T> Optional<T> list(Key<T> key, String name, Node node) {
        if (!(node instanceof SequenceNode sequence) || !node.getTag().equals(Tag.SEQ)) {
            String one =
                    node instanceof ScalarNode scalar && isPlain(scalar) ? "; write [" + scalar.getValue() + "]" : "";
            problem(line(node), name + " must be a list, not " + kind(node) + one);
            return Optional.empty();
        }
        if (sequence.getValue().size() > MOST_ELEMENTS) {
            problem(line(node), name + " has more than " + MOST_ELEMENTS + " elements; use globs or prefixes");
            return Optional.empty();
        }
        List<Object> list = new ArrayList<>();
        for (Node element : sequence.getValue()) {
            if (element instanceof ScalarNode scalar && isPlain(scalar)) {
                scalar(key, name, scalar).ifPresent(one -> list.addAll((List<Object>) one));
            } else {
                problem(line(element), name + " must be a list of words, and has " + kind(element));
            }
        }
        if (key == Key.INCLUDE && sequence.getValue().isEmpty()) {
            problem(line(node), name + " is empty, so nothing would be attached to; delete the line to include all");
        }
        return Optional.of((T) List.copyOf(list));
    }

    /** @param section Key.VNIS or Key.NETWORKS */
    private void rule(Entry rule, String section) {
        String name = section + "." + rule.name();
        int line = line(rule.key());
        Optional<Set<Vni>> vnis = Optional.empty();
        if (section.equals(Key.VNIS) && named <= VniRanges.MAX) {
            try {
                vnis = Optional.of(new LinkedHashSet<>(VniRanges.parse(rule.name())));
                named += vnis.get().size();
            } catch (IllegalArgumentException e) {
                problem(line, section + ": " + e.getMessage());
            }
        }
        Map<Key<?>, Setting<?>> own = new LinkedHashMap<>();
        Map<String, Key<?>> known = new TreeMap<>();
        Key.ofRule().forEach(key -> known.put(key.lastName(), key));
        for (Entry entry : entries(rule.value(), name, line)) {
            Key<?> key = known.get(entry.name());
            if (key == null) {
                String similar = Similar.to(entry.name(), known.keySet());
                problem(
                        line(entry.key()),
                        "unknown key '" + entry.name() + "' in " + name
                                + (similar == null
                                        ? "; known are " + String.join(", ", known.keySet())
                                        : "; did you mean '" + similar + "'?"));
            } else {
                set(own, key, name + "." + entry.name(), entry);
            }
        }
        RuleSettings settingsOfRule = new RuleSettings(rule.name(), vnis, own, at(line));
        for (Vni vni : vnis.orElse(Set.of())) {
            RuleSettings before = ruled.putIfAbsent(vni, settingsOfRule);
            if (before != null) {
                problem(line, name + ": VNI " + vni + " has a rule already, that of '" + before.subject() + "'");
                break;
            }
        }
        if (named > VniRanges.MAX && vnis.isPresent()) {
            problem(line, section + " has rules for more than " + VniRanges.MAX + " VNIs; use the default rule");
        }
        rules.add(settingsOfRule);
    }
}
