// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Writes the completion for bash and zsh, made from the commands, as packages have them. Each is a template of
 * deploy/package with a table in it. picocli's own completion offers the names of enum constants, and no interface.
 *
 * <p>Arguments: the folder of the templates, and the folder that gets {@code csumbpf.bash} and {@code _csumbpf}.
 */
final class CompletionScripts {
    /** What is to be asked of the host, by a function of the templates. */
    private static final Map<String, String> ASKED = Map.of(
            "IFACE", "interfaces",
            "NAME|PATH", "namespaces",
            "FILE", "files",
            "SOCKET", "files",
            "LIST", "vnis",
            "COMMAND", "commands");

    private CompletionScripts() {}

    public static void main(String[] args) throws IOException {
        Path templates = Path.of(args[0]);
        Path out = Path.of(args[1]);
        for (Map.Entry<String, String> script :
                Map.of("csumbpf.bash", bash(), "_csumbpf", zsh()).entrySet()) {
            String template = Files.readString(templates.resolve("completion/" + script.getKey()));
            if (!template.contains("@TABLE@")) {
                throw new IllegalStateException("no @TABLE@ in " + script.getKey());
            }
            Files.writeString(out.resolve(script.getKey()), template.replace("@TABLE@", script.getValue()));
        }
    }

    /** The commands that a person meets, by their words without "csumbpf"; the first one is csumbpf itself. */
    private static Map<String, CommandLine> commands() {
        Map<String, CommandLine> found = new TreeMap<>();
        collect("", Main.commandLine("help"), found);
        return found;
    }

    private static void collect(String words, CommandLine command, Map<String, CommandLine> found) {
        found.put(words, command);
        command.getSubcommands().forEach((name, below) -> {
            if (!below.getCommandSpec().usageMessage().hidden()) {
                collect((words + " " + name).strip(), below, found);
            }
        });
    }

    private static List<String> below(CommandLine command) {
        return command.getSubcommands().entrySet().stream()
                .filter(below ->
                        !below.getValue().getCommandSpec().usageMessage().hidden())
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The words that an argument may be; empty: they are to be asked for, or nobody can know them. */
    private static List<String> words(ArgSpec argument) {
        for (ITypeConverter<?> converter : argument.converters()) {
            if (converter instanceof LabelConverter<?> labels) {
                return labels.labels();
            }
        }
        return List.of();
    }

    private static String asked(ArgSpec argument) {
        return ASKED.getOrDefault(argument.paramLabel(), "");
    }

    /** In a word of its own. The value of --watch, which may be left out, is not looked for there. */
    private static boolean takesValue(OptionSpec option) {
        return option.arity().min() > 0;
    }

    private static String bash() {
        StringBuilder table = new StringBuilder();
        commands().forEach((words, command) -> {
            CommandSpec spec = command.getCommandSpec();
            List<String> options = new ArrayList<>();
            for (OptionSpec option : spec.options()) {
                options.addAll(List.of(option.names()));
                if (takesValue(option)) {
                    for (String name : option.names()) {
                        line(table, words + " " + name, "value", values(option));
                    }
                }
            }
            line(
                    table,
                    words + " options",
                    "words",
                    String.join(
                            " ",
                            options.stream()
                                    .filter(name -> name.startsWith("--"))
                                    .toList()));
            List<String> below = below(command);
            if (!below.isEmpty()) {
                line(table, words + " 0", "words", String.join(" ", below));
            }
            for (PositionalParamSpec parameter : spec.positionalParameters()) {
                boolean more = parameter.index().max() > 100;
                line(table, words + " " + (more ? "*" : parameter.index().min()), "value", values(parameter));
            }
        });
        return table.toString().stripTrailing();
    }

    /** Either "words W…" or the name of a function. */
    private static String values(ArgSpec argument) {
        List<String> words = words(argument);
        return words.isEmpty() ? asked(argument) : "words " + String.join(" ", words);
    }

    private static void line(StringBuilder table, String key, String kind, String value) {
        String pattern = key.endsWith("*") ? "'" + key.substring(0, key.length() - 1) + "'*" : "'" + key + "'";
        String text = kind.equals("words") ? "words " + value : value;
        table.append("\t").append(pattern).append(") answer='").append(text).append("' ;;\n");
    }

    private static String zsh() {
        StringBuilder functions = new StringBuilder();
        commands().forEach((words, command) -> {
            functions
                    .append("_csumbpf")
                    .append(words.isEmpty() ? "" : "_" + words.replace(' ', '_').replace('-', '_'))
                    .append("() {\n");
            List<String> below = below(command);
            functions.append("\t_arguments -s").append(below.isEmpty() ? "" : " -C");
            for (OptionSpec option : command.getCommandSpec().options()) {
                functions.append(" \\\n\t\t").append(zshOption(option));
            }
            for (PositionalParamSpec parameter : command.getCommandSpec().positionalParameters()) {
                boolean more = parameter.index().max() > 100;
                functions
                        .append(" \\\n\t\t")
                        .append(quoted((more ? "*" : parameter.arity().min() == 0 ? ":" : "") + zshValue(parameter)));
            }
            if (below.isEmpty()) {
                functions.append("\n}\n");
                return;
            }
            functions.append(" \\\n\t\t'1: :->command' '*:: :->arguments'\n\tcase $state in\n\tcommand)\n");
            functions.append("\t\tlocal -a commands=(\n");
            for (String name : below) {
                functions
                        .append("\t\t\t")
                        .append(quoted(name + ":"
                                + summary(command.getSubcommands()
                                        .get(name)
                                        .getCommandSpec()
                                        .usageMessage()
                                        .description())))
                        .append('\n');
            }
            functions.append("\t\t)\n\t\t_describe command commands ;;\n\targuments) _csumbpf");
            functions
                    .append(words.isEmpty() ? "" : "_" + words.replace(' ', '_'))
                    .append("_${${words[1]}//-/_} 2>/dev/null ;;\n\tesac\n}\n");
        });
        return functions.toString().stripTrailing();
    }

    private static String zshOption(OptionSpec option) {
        String help = "["
                + summary(option.description())
                        .replace("[", "\\[")
                        .replace("]", "\\]")
                        .replace(":", "\\:") + "]";
        String others = option.names().length == 1 ? "" : "(" + String.join(" ", option.names()) + ")";
        List<String> each = new ArrayList<>();
        for (String name : option.names()) {
            String sign = takesValue(option) && name.startsWith("--") ? "=" : "";
            String value =
                    option.arity().max() == 0 ? "" : takesValue(option) ? zshValue(option) : ":" + zshValue(option);
            each.add(quoted(others + name + sign + help + value));
        }
        return String.join(" ", each);
    }

    /** ":MESSAGE:ACTION" of zsh's _arguments. */
    private static String zshValue(ArgSpec argument) {
        List<String> words = words(argument);
        String asked = asked(argument);
        String action = !words.isEmpty()
                ? "(" + String.join(" ", words) + ")"
                : asked.isEmpty() ? " " : "_csumbpf_ask_" + asked;
        return ":" + argument.paramLabel().replace(":", "\\:") + ":" + action;
    }

    /** The first sentence, without picocli's variables. */
    private static String summary(String[] description) {
        String text = description.length == 0 ? "" : description[0];
        int end = text.indexOf(". ");
        String sentence = end < 0 ? text : text.substring(0, end);
        return sentence.replaceAll("\\$\\{[^}]*}", "…")
                .replaceAll("[.:]$", "")
                .lines()
                .collect(Collectors.joining(" "));
    }

    private static String quoted(String text) {
        return "'" + text.replace("'", "'\\''") + "'";
    }
}
