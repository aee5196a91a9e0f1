// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.text.Similar;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Makes the error for arguments that cannot be parsed, with what was probably meant. */
final class UsageErrors {
    private UsageErrors() {}

    static Failure of(ParameterException e, String... arguments) {
        ParameterException mistake = e instanceof MissingParameterException ? unmatched(e, arguments) : e;
        CommandSpec spec = mistake.getCommandLine().getCommandSpec();
        String error = Failure.oneLine(String.valueOf(mistake.getMessage()));
        String meant = "";
        if (mistake instanceof UnmatchedArgumentException unmatched) {
            String word = unmatched.getUnmatched().get(0);
            String bare = word.indexOf('=') < 0 ? word : word.substring(0, word.indexOf('='));
            if (word.startsWith("-")) {
                error = "unknown option '" + word + "'";
                meant = option(bare, spec);
            } else if (!spec.subcommands().isEmpty()) {
                error = "unknown command '" + word + "'";
                meant = Similar.didYouMean(word, commands(spec));
            } else {
                error = "unexpected argument '" + word + "'";
            }
        } else if (mistake.getArgSpec() != null && mistake.getValue() != null) {
            meant = value(mistake.getArgSpec(), mistake.getValue());
        }
        String name = spec.qualifiedName();
        return new Failure(name, ExitCode.USAGE, error, meant + "see '" + name + " --help'", null);
    }

    /** If an argument is missing, an unknown option may stand in its place. Then that option is the mistake. */
    private static ParameterException unmatched(ParameterException missing, String... arguments) {
        CommandLine again = Main.commandLine(arguments);
        collectErrors(again);
        ParseResult parsed = again.parseArgs(arguments);
        while (parsed != null) {
            for (String word : parsed.unmatched()) {
                if (word.startsWith("-")) {
                    return new UnmatchedArgumentException(parsed.commandSpec().commandLine(), List.of(word));
                }
            }
            parsed = parsed.subcommand();
        }
        return missing;
    }

    private static void collectErrors(CommandLine command) {
        command.getCommandSpec().parser().collectErrors(true);
        command.getSubcommands().values().forEach(UsageErrors::collectErrors);
    }

    /** Compared without the dashes: in -x all letters are wrong. */
    private static String option(String word, CommandSpec spec) {
        Map<String, String> names = new LinkedHashMap<>();
        for (OptionSpec option : spec.options()) {
            for (String name : option.names()) {
                names.put(letters(name), name);
            }
        }
        String similar = Similar.to(letters(word), names.keySet());
        return similar == null ? "" : "did you mean '" + names.get(similar) + "'? ";
    }

    private static String letters(String option) {
        int start = 0;
        while (start < option.length() && option.charAt(start) == '-') {
            start++;
        }
        return option.substring(start);
    }

    private static List<String> commands(CommandSpec spec) {
        List<String> names = new ArrayList<>();
        CommandLine whole = spec.parent() == null ? Main.commandLine() : spec.commandLine();
        whole.getSubcommands().forEach((name, command) -> {
            if (!command.getCommandSpec().usageMessage().hidden()) {
                names.add(name);
            }
        });
        return names;
    }

    private static String value(ArgSpec argument, String value) {
        for (ITypeConverter<?> converter : argument.converters()) {
            if (converter instanceof LabelConverter<?> labels) {
                return Similar.didYouMean(value, labels.labels());
            }
        }
        return "";
    }
}
