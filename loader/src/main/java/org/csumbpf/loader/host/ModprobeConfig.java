// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringTokenizer;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Which modules the configuration keeps from being loaded, as modprobe(8) of kmod 30 reads it: modprobe.d(5), and the
 * kernel's command line.
 */
public final class ModprobeConfig {
    private static final List<Path> DIRECTORIES = Stream.of(
                    "/etc/modprobe.d",
                    "/run/modprobe.d",
                    "/usr/local/lib/modprobe.d",
                    "/usr/lib/modprobe.d",
                    "/lib/modprobe.d")
            .map(Path::of)
            .toList();
    private static final Path COMMAND_LINE = Path.of("/proc/cmdline");
    private static final Set<String> BLACKLISTS = Set.of("module_blacklist", "modprobe.blacklist");
    /** What a command must begin with to load nothing. */
    private static final Set<String> NO_OPERATION =
            Set.of("/bin/false", "/bin/true", "/usr/bin/false", "/usr/bin/true", "false", "true");
    /** Of a file. What comes after is not read. */
    private static final int MOST_BYTES = 1 << 20;
    /** Of a line, in the result. */
    private static final int LONGEST_LINE = 200;

    private ModprobeConfig() {}

    /**
     * Those of the modules that are kept from being loaded: by "install MODULE /bin/false" or "/bin/true", by "blacklist
     * MODULE", by module_blacklist= (which the kernel reads) or by modprobe.blacklist=. A blacklist of modprobe.d has no
     * effect on 'modprobe MODULE', but on 'modprobe -b MODULE', by which csumbpf loads, and on what the kernel loads by an
     * alias. Names are equal if they differ in - and _ only. What cannot be read is skipped.
     *
     * @return by module, the first reason: "FILE: LINE", or "/proc/cmdline: PARAMETER"
     */
    public static Map<String, String> disabled(Collection<String> modules) {
        return disabled(modules, DIRECTORIES, COMMAND_LINE);
    }

    static Map<String, String> disabled(Collection<String> modules, List<Path> directories, Path commandLine) {
        Map<String, String> reasons = new LinkedHashMap<>();
        for (Path file : files(directories)) {
            for (String line : lines(text(file))) {
                String module = disabledBy(line);
                if (!module.isEmpty()) {
                    reasons.putIfAbsent(module, file + ": " + printable(line));
                }
            }
        }
        for (String parameter : Words.of(text(commandLine))) {
            int equals = parameter.indexOf('=');
            if (equals >= 0 && BLACKLISTS.contains(parameter.substring(0, equals))) {
                for (String module : parameter.substring(equals + 1).split(",")) {
                    reasons.putIfAbsent(underscores(module), commandLine + ": " + printable(parameter));
                }
            }
        }
        Map<String, String> disabled = new LinkedHashMap<>();
        for (String module : modules) {
            String reason = reasons.get(underscores(module));
            if (reason != null) {
                disabled.put(module, reason);
            }
        }
        return disabled;
    }

    /** In the order of their names. One, or a link to nowhere, hides those of the same name in later directories. */
    private static List<Path> files(List<Path> directories) {
        Map<String, Path> files = new TreeMap<>();
        for (Path directory : directories) {
            for (Path path : NetworkNamespace.entries(directory)) {
                String name = path.getFileName().toString();
                if (name.endsWith(".conf") && !name.startsWith(".") && !Files.isDirectory(path)) {
                    files.putIfAbsent(name, path);
                }
            }
        }
        return List.copyOf(files.values());
    }

    /** Empty also for a device, a pipe or a socket, which might block or never end. */
    private static String text(Path file) {
        if (!Files.isRegularFile(file)) {
            return "";
        }
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    /** A backslash at the end of a line continues it, also that of a comment; before another character it is dropped. */
    static List<String> lines(String text) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                lines.add(line.toString());
                line.setLength(0);
            } else if (c != '\\') {
                line.append(c);
            } else if (++i < text.length() && text.charAt(i) != '\n') {
                line.append(text.charAt(i));
            }
        }
        lines.add(line.toString());
        return lines;
    }

    /** The module that a line keeps from being loaded, with underscores; empty: it keeps none. */
    private static String disabledBy(String line) {
        List<String> words = words(line);
        if (words.size() < 2) {
            return "";
        }
        boolean disables = switch (words.get(0)) {
            case "blacklist" -> true;
            case "install" ->
                words.size() > 2 && NO_OPERATION.contains(words.get(2).strip()) && !loads(words);
            default -> false;
        };
        return disables ? underscores(words.get(1)) : "";
    }

    /** Unlike {@link Words}: a line that ends with CR LF names a module with a CR. A zero byte ends a line. */
    private static List<String> words(String line) {
        int end = line.indexOf('\0');
        List<String> words = new ArrayList<>();
        StringTokenizer rest = new StringTokenizer(end < 0 ? line : line.substring(0, end), " \t");
        while (rest.hasMoreTokens()) {
            words.add(rest.nextToken());
        }
        return words;
    }

    /** Whether a command that begins with "true" loads the module later: /bin/true &amp;&amp; modprobe … */
    private static boolean loads(List<String> command) {
        return command.stream().skip(3).anyMatch(word -> word.endsWith("modprobe") || word.endsWith("insmod"));
    }

    private static String underscores(String module) {
        return module.replace('-', '_');
    }

    private static String printable(String line) {
        String text = String.join(" ", Words.of(line)).replaceAll("\\p{Cntrl}", "?");
        return text.length() <= LONGEST_LINE ? text : text.substring(0, LONGEST_LINE) + "…";
    }
}
