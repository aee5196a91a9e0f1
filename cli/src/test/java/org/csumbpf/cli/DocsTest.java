// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.ParameterException;

/** The links in the documents have targets, and csumbpf can parse the commands in them. */
class DocsTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    /** A command in a block of code, with or without a prompt, up to the first shell operator. */
    private static final Pattern COMMAND =
            Pattern.compile("^(?:    (?:\\$ )?|ExecSt\\w+=/usr/local/bin/)(csumbpf .*?)(?: *(?:[|#;>]|&&|\\\\$).*)?$");

    private static final Pattern TYPE = Pattern.compile("\\b(?:class|record|interface|enum) (\\w+)");

    private static List<Path> documents() throws IOException {
        try (Stream<Path> top = Files.list(ROOT);
                Stream<Path> docs = Files.list(ROOT.resolve("docs"))) {
            return Stream.concat(top, docs)
                    .filter(file -> file.toString().endsWith(".md"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<String> broken = new ArrayList<>();
        for (Path document : documents()) {
            Matcher link = LINK.matcher(Files.readString(document));
            while (link.find()) {
                String target = link.group(1);
                if (target.startsWith("http")) {
                    continue;
                }
                String[] parts = target.split("#", 2);
                Path file = parts[0].isEmpty()
                        ? document
                        : document.resolveSibling(parts[0]).normalize();
                if (!Files.exists(file) || parts.length == 2 && !anchors(file).contains(parts[1])) {
                    broken.add(document + ": " + target);
                }
            }
        }
        assertThat(broken).isEmpty();
    }

    private static List<String> anchors(Path file) throws IOException {
        return Pattern.compile("(?m)^#+ (.*)$")
                .matcher(Files.readString(file))
                .results()
                .map(heading -> heading.group(1)
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\w\\- ]", "")
                        .replace(' ', '-'))
                .toList();
    }

    @Test
    void commandsAreUnderstood() throws IOException {
        List<String> wrong = new ArrayList<>();
        int seen = 0;
        for (Path document : documents()) {
            for (String line : Files.readAllLines(document)) {
                Matcher command = COMMAND.matcher(line);
                if (!command.matches()) {
                    continue;
                }
                seen++;
                String[] words = command.group(1).strip().split(" +");
                String[] arguments = List.of(words).subList(1, words.length).toArray(String[]::new);
                try {
                    Main.commandLine(arguments).parseArgs(arguments);
                } catch (ParameterException e) {
                    wrong.add(document + ": " + line.strip() + ": " + e.getMessage());
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(seen).isGreaterThan(10);
    }

    /** Types, and files of this repository, that the documents name. */
    @Test
    void whatIsNamedExists() throws IOException {
        Set<String> types = new TreeSet<>();
        for (String module : List.of("loader", "maps", "cli", "tests")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    TYPE.matcher(Files.readString(file)).results().forEach(found -> types.add(found.group(1)));
                }
            }
        }
        List<String> missing = new ArrayList<>();
        for (String document : List.of("ARCHITECTURE.md", "CONTRIBUTING.md")) {
            Pattern.compile("`([^`\n]+)`")
                    .matcher(Files.readString(ROOT.resolve(document)))
                    .results()
                    .map(found -> found.group(1))
                    .filter(name -> name.matches("[A-Z][a-z]\\w*(\\.[a-z]\\w*)?")
                            ? !types.contains(name.replaceAll("\\..*", ""))
                            : name.matches("(bpf|cli|tests|docs|loader)/(?!target)[\\w/.-]+")
                                    && !Files.exists(ROOT.resolve(name)))
                    .forEach(name -> missing.add(document + ": " + name));
        }
        assertThat(missing).isEmpty();
    }

    /** A reader who comes from an issue reads no more than this. */
    @Test
    void theReadmeIsShort() throws IOException {
        String text = Files.readString(ROOT.resolve("README.md"));
        assertThat(text.split("\\s+")).hasSizeLessThanOrEqualTo(900);
        assertThat(text.lines().filter(line -> line.length() > 100)).isEmpty();
    }
}
