// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.serve.ListenAddress;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.text.Similar;

/**
 * A key of the configuration file, with the type of its value and the default. {@link #ALL} is the whole vocabulary.
 *
 * @param <T> what the value is to the program
 */
public final class Key<T> {
    /** What a value looks like in YAML. */
    public enum Form {
        TEXT,
        NUMBER,
        BOOLEAN,
        LIST
    }

    private static final List<Key<?>> KEYS = new ArrayList<>();

    public static final Key<List<InterfacePattern>> INCLUDE =
            list("interfaces.include", List.of(InterfacePattern.parse("*")), InterfacePattern::parse);
    public static final Key<List<InterfacePattern>> EXCLUDE =
            list("interfaces.exclude", List.of(), InterfacePattern::parse);
    public static final Key<Duration> KEEP =
            text("interfaces.keep", Duration.ofMinutes(10), DurationText::parse, DurationText::format);
    public static final Key<Boolean> MANAGE_EXISTING = bool("interfaces.manage-existing");
    /** Empty: what is found. */
    public static final Key<Optional<Integer>> PORT = text(
            "port",
            Optional.empty(),
            Key::port,
            port -> port.map(Object::toString).orElse("auto"));

    /** Where pins are; empty: where the bpffs is found. */
    public static final Key<Optional<Path>> BPFFS = text(
            "bpffs",
            Optional.empty(),
            text -> text.equals("auto") ? Optional.empty() : Optional.of(path(text)),
            path -> path.map(Path::toString).orElse("auto"));

    public static final Key<Backstop> BACKSTOP = word("backstop", Backstop.AUTO, Backstop.values());
    public static final Key<Boolean> ENABLE_GRO = bool("enable-gro");
    public static final Key<Mode> MODE = word("rules.default.mode", Mode.AUTO, Mode.values());
    public static final Key<Plaintext> PLAINTEXT = word("rules.default.plaintext", Plaintext.PASS, Plaintext.values());
    public static final Key<Integer> VERIFY = number("rules.default.verify", Rule.VERIFY_DEFAULT, 1, Rule.VERIFY_MAX);
    public static final Key<Boolean> UNVERIFIED = bool("rules.default.unverified");
    public static final Key<Path> DOCKER_SOCKET = text("docker.socket", DockerEngine.SOCKET, Key::path, Path::toString);
    public static final Key<ListenAddress> LISTEN = text(
            "metrics.listen",
            ListenAddress.parse(ListenAddress.DEFAULT),
            ListenAddress::parse,
            ListenAddress::toString);
    /** The web configuration of serve; empty: plain HTTP for everybody. */
    public static final Key<Optional<Path>> WEB_CONFIG = text(
            "metrics.web-config",
            Optional.empty(),
            text -> text.isEmpty() ? Optional.empty() : Optional.of(path(text)),
            path -> path.map(Path::toString).orElse(""));

    public static final Key<Integer> MAX_PEERS = number("metrics.max-peers", 0, 0, Integer.MAX_VALUE);
    public static final Key<Integer> MAX_VNIS = number("metrics.max-vnis", 256, 0, Integer.MAX_VALUE);
    public static final Key<ServeLog.Format> LOG_FORMAT =
            word("log.format", ServeLog.Format.TEXT, ServeLog.Format.values());

    /** In the order in which they are shown. */
    public static final List<Key<?>> ALL = List.copyOf(KEYS);

    /** Those that a running agent does not change. */
    public static final List<Key<?>> NEED_RESTART =
            List.of(BPFFS, DOCKER_SOCKET, LISTEN, WEB_CONFIG, MAX_PEERS, MAX_VNIS, LOG_FORMAT);

    static final String DEFAULT_RULE = "rules.default";
    static final String VNIS = "rules.vnis";
    static final String NETWORKS = "rules.networks";

    /** What to do with packets that IPsec did not decrypt. */
    public enum Plaintext {
        PASS,
        DROP
    }

    private final String name;
    private final Form form;
    private final T defaultValue;
    private final Function<String, T> parser;
    private final Function<T, String> formatter;
    private final List<String> words;
    private final Optional<Range> range;

    /** Both ends belong to it. */
    public record Range(int min, int max) {}

    private Key(
            String name,
            Form form,
            T defaultValue,
            Function<String, T> parser,
            Function<T, String> formatter,
            List<String> words,
            Optional<Range> range) {
        this.name = name;
        this.form = form;
        this.defaultValue = defaultValue;
        this.parser = parser;
        this.formatter = formatter;
        this.words = words;
        this.range = range;
        KEYS.add(this);
    }

    private Key(String name, Form form, T defaultValue, Function<String, T> parser, Function<T, String> formatter) {
        this(name, form, defaultValue, parser, formatter, List.of(), Optional.empty());
    }

    private static <T> Key<T> text(
            String name, T defaultValue, Function<String, T> parser, Function<T, String> formatter) {
        return new Key<>(name, Form.TEXT, defaultValue, parser, formatter);
    }

    private static Key<Boolean> bool(String name) {
        return new Key<>(name, Form.BOOLEAN, false, text -> text.equalsIgnoreCase("true"), Object::toString);
    }

    private static Key<Integer> number(String name, int defaultValue, int min, int max) {
        return new Key<>(
                name,
                Form.NUMBER,
                defaultValue,
                text -> number(text, min, max),
                Object::toString,
                List.of(),
                Optional.of(new Range(min, max)));
    }

    private static <E extends Enum<E>> Key<E> word(String name, E defaultValue, E[] values) {
        List<String> words = Arrays.stream(values).map(Key::label).toList();
        return new Key<>(
                name, Form.TEXT, defaultValue, text -> word(text, values), Key::label, words, Optional.empty());
    }

    private static <E> Key<List<E>> list(String name, List<E> defaultValue, Function<String, E> element) {
        return new Key<>(name, Form.LIST, defaultValue, text -> List.of(element.apply(text)), List::toString);
    }

    private static int number(String text, int min, int max) {
        if (!text.matches("[-+]?[0-9]+")) {
            throw new IllegalArgumentException("'" + text + "' is not a whole number; use the digits 0 to 9");
        }
        try {
            int number = Integer.parseInt(text);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Too long for an int, so out of range.
        }
        throw new IllegalArgumentException(text + " is out of range; " + min + " to " + max);
    }

    private static Optional<Integer> port(String text) {
        if (text.equals("auto")) {
            return Optional.empty();
        }
        if (!text.matches("[-+]?[0-9]+")) {
            throw new IllegalArgumentException("'" + text + "' is not a port; write 1 to 65535, or auto");
        }
        return Optional.of(number(text, 1, 65535));
    }

    private static Path path(String text) {
        try {
            Path path = Path.of(text);
            if (path.isAbsolute()) {
                return path;
            }
        } catch (InvalidPathException e) {
            // Reported below.
        }
        throw new IllegalArgumentException("'" + text + "' is not a path that begins with /");
    }

    private static <E extends Enum<E>> E word(String text, E[] values) {
        List<String> labels = Arrays.stream(values).map(Key::label).toList();
        int index = labels.indexOf(text);
        if (index < 0) {
            String meant = Similar.didYouMean(text, labels).strip();
            throw new IllegalArgumentException("'" + text + "' is not one of " + String.join(", ", labels)
                    + (meant.isEmpty() ? "" : "; " + meant));
        }
        return values[index];
    }

    private static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** With its sections: {@code interfaces.keep}. */
    public String name() {
        return name;
    }

    /** Without its sections: {@code keep}. */
    public String lastName() {
        return name.substring(name.lastIndexOf('.') + 1);
    }

    public Form form() {
        return form;
    }

    /** The words that the value may be; empty: it may be another text. */
    public List<String> words() {
        return words;
    }

    /** Of a number. */
    public Optional<Range> range() {
        return range;
    }

    public T defaultValue() {
        return defaultValue;
    }

    /**
     * The value of a text; of a key with a list: a list of this one.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    T parse(String text) {
        return parser.apply(text);
    }

    /** The value as a tree for JSON, which {@link ConfigFile} reads back: text, number, boolean, or a list of texts. */
    public Object tree(T value) {
        return switch (form) {
            case NUMBER, BOOLEAN -> value;
            case LIST -> ((List<?>) value).stream().map(Object::toString).toList();
            case TEXT ->
                value instanceof Optional<?> some && some.orElse(null) instanceof Integer number
                        ? number
                        : formatter.apply(value);
        };
    }

    /** The key with this name. */
    static Optional<Key<?>> named(String name) {
        for (Key<?> key : ALL) {
            if (key.name.equals(name)) {
                return Optional.of(key);
            }
        }
        return Optional.empty();
    }

    /** The keys of a rule. */
    public static List<Key<?>> ofRule() {
        return List.of(MODE, PLAINTEXT, VERIFY, UNVERIFIED);
    }

    /** What may stand in a section: names of keys and of sections. @param section empty: the whole file */
    static Set<String> in(String section) {
        String start = section.isEmpty() ? "" : section + ".";
        Set<String> names = new LinkedHashSet<>();
        Stream.concat(ALL.stream().map(Key::name), Stream.of(VNIS, NETWORKS))
                .filter(name -> name.startsWith(start))
                .forEach(name -> names.add(name.substring(start.length()).replaceFirst("\\..*", "")));
        return names;
    }

    @Override
    public String toString() {
        return name;
    }
}
