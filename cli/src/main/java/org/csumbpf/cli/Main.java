// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.config.ConfigException;
import org.csumbpf.loader.LibbpfException;
import org.csumbpf.loader.VerifierException;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;

/** Entry point: parses the arguments, runs the command, and turns every failure into one line and an exit code. */
public final class Main {
    /** By name, in the order of the help. */
    private static final List<Map.Entry<String, Class<?>>> SUBCOMMANDS = List.of(
            Map.entry("attach", AttachCommand.class),
            Map.entry("detach", DetachCommand.class),
            Map.entry("restore", RestoreCommand.class),
            Map.entry("discover", DiscoverCommand.class),
            Map.entry("doctor", DoctorCommand.class),
            Map.entry("status", StatusCommand.class),
            Map.entry("stats", StatsCommand.class),
            Map.entry("serve", ServeCommand.class),
            Map.entry("agent", AgentCommand.class),
            Map.entry("config", ConfigCommand.class),
            Map.entry("vni", VniCommand.class),
            Map.entry("help", HelpCommand.class),
            Map.entry("warm-up", WarmUpCommand.class));

    private Main() {}

    public static void main(String[] args) {
        System.exit(run(Output.standard(), Output.error(), args));
    }

    /** Runs the command without ending the process: it prints to the writers, and its exit code is returned. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        return run(new Output(out), new Output(err), args);
    }

    private static int run(Output out, Output err, String... args) {
        CommandLine command = commandLine(args);
        command.setOut(out).setErr(err);
        int code;
        try {
            code = command.execute(args);
        } catch (LinkageError e) {
            // picocli catches exceptions only. This error means that libbpf or JNA's native part, which lies beside the
            // jars, is missing.
            Failure failure = e.getCause() instanceof LibbpfException libbpf
                    ? Failure.of(libbpf, "csumbpf", List.of(args))
                    : new Failure(
                            "csumbpf",
                            ExitCode.UNSUPPORTED_HOST,
                            Failure.oneLine(String.valueOf(e.getMessage())),
                            "install csumbpf again",
                            null);
            code = report(failure, out, err, asksForJson(args));
        }
        int errno = out.finish();
        // Any other exit code has a message on standard error already.
        if (errno != 0 && (code == ExitCode.DONE.code() || code == ExitCode.AMISS.code())) {
            Failure lost = Failure.outputLost(errno, name(command));
            err.println(lost.line());
            return lost.code().code();
        }
        return code;
    }

    /** The qualified name of the subcommand that was run. */
    private static String name(CommandLine command) {
        ParseResult parsed = command.getParseResult();
        while (parsed != null && parsed.hasSubcommand()) {
            parsed = parsed.subcommand();
        }
        return parsed == null ? "csumbpf" : parsed.commandSpec().qualifiedName();
    }

    /**
     * Makes the command with all subcommands, or only with those that the arguments name: reading the annotations of
     * the others takes up to a tenth of the time of a short command. Help and a file of arguments may need any, so they
     * get all.
     */
    static CommandLine commandLine(String... args) {
        CommandLine command = new CommandLine(new Csumbpf());
        List<String> words = List.of(args);
        boolean all = words.contains("-h")
                || words.contains("--help")
                || words.contains("help")
                || words.stream().anyMatch(word -> word.startsWith("@"))
                || SUBCOMMANDS.stream().noneMatch(subcommand -> words.contains(subcommand.getKey()));
        for (Map.Entry<String, Class<?>> subcommand : SUBCOMMANDS) {
            if (all || words.contains(subcommand.getKey())) {
                command.addSubcommand(subcommand.getKey(), subcommand.getValue());
            }
        }
        command.registerConverter(Integer.class, new Numbers.Whole());
        command.registerConverter(int.class, new Numbers.Whole());
        command.registerConverter(Double.class, new Numbers.Decimal());
        command.setExecutionStrategy(Main::execute);
        command.setParameterExceptionHandler(Main::usageError);
        command.setExecutionExceptionHandler(Main::failure);
        command.setUnmatchedOptionsArePositionalParams(false);
        String noColor = System.getenv("NO_COLOR");
        boolean plain = (noColor != null && !noColor.isEmpty()) || !Boolean.getBoolean("csumbpf.tty");
        command.setColorScheme(CommandLine.Help.defaultColorScheme(plain ? Ansi.OFF : Ansi.ON));
        Map<String, String> codes = new LinkedHashMap<>();
        for (ExitCode code : ExitCode.values()) {
            codes.put((code.code() < 10 ? "  " : " ") + code.code(), code.meaning());
        }
        command.getCommandSpec().usageMessage().exitCodeList(codes).footer("");
        return command;
    }

    /** Does what picocli does, but prints the help unescaped: its newlines and colours are the program's own. */
    private static int execute(ParseResult parsed) {
        for (CommandLine command : parsed.asCommandLineList()) {
            Output out = (Output) command.getOut();
            if (command.isUsageHelpRequested()) {
                out.own(command.getUsageMessage(command.getColorScheme()));
                return ExitCode.DONE.code();
            }
            if (command.isVersionHelpRequested()) {
                for (String line : command.getCommandSpec().version()) {
                    out.println(line);
                }
                return ExitCode.DONE.code();
            }
        }
        return new RunLast().execute(parsed);
    }

    private static int usageError(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        return report(UsageErrors.of(e, args), (Output) command.getOut(), (Output) command.getErr(), asksForJson(args));
    }

    private static int failure(Exception e, CommandLine command, ParseResult parsed) {
        Csumbpf global = (Csumbpf) command.getCommandSpec().root().userObject();
        List<String> arguments =
                command.getCommandSpec().root().commandLine().getParseResult().originalArgs();
        Failure failure = Failure.of(e, command.getCommandSpec().qualifiedName(), arguments);
        if (e instanceof ConfigException config) {
            return report(failure, config, (Output) command.getOut(), (Output) command.getErr(), global.json());
        }
        Output err = (Output) command.getErr();
        int code = report(failure, (Output) command.getOut(), err, global.json());
        if (global.verbose()) {
            if (e instanceof VerifierException rejected) {
                err.lines(rejected.log());
            }
            err.trace(e);
        }
        return code;
    }

    private static int report(Failure failure, Output out, Output err, boolean json) {
        err.println(failure.line());
        if (json && !out.wroteJson()) {
            out.json(failure.json());
        }
        return failure.code().code();
    }

    /** A line for each problem, as compilers print them: editors and CI find the places. */
    private static int report(Failure failure, ConfigException config, Output out, Output err, boolean json) {
        config.problems().forEach(problem -> err.println(problem.toString()));
        if (json) {
            Map<String, Object> tree = failure.json();
            tree.put(
                    "problems",
                    config.problems().stream()
                            .map(problem -> {
                                Map<String, Object> about = ConfigReport.json(problem.origin());
                                about.put("problem", problem.text());
                                return about;
                            })
                            .toList());
            out.json(tree);
        }
        return failure.code().code();
    }

    /** Whether --json is given, for arguments that could not be parsed as a whole. */
    private static boolean asksForJson(String... args) {
        for (String word : args) {
            if (word.equals("--json")) {
                return true;
            }
        }
        return false;
    }
}
