// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.loader.LibbpfException;
import org.csumbpf.loader.VerifierException;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Entry point: parses, runs, and turns every failure into one line and an exit code. */
public final class Main {
    /** By name, in the order of the help. */
    private static final List<Map.Entry<String, Class<?>>> SUBCOMMANDS = List.of(
            Map.entry("attach", AttachCommand.class),
            Map.entry("detach", DetachCommand.class),
            Map.entry("restore", RestoreCommand.class),
            Map.entry("status", StatusCommand.class),
            Map.entry("stats", StatsCommand.class),
            Map.entry("serve", ServeCommand.class),
            Map.entry("vni", VniCommand.class),
            Map.entry("warm-up", WarmUpCommand.class));

    private Main() {}

    public static void main(String[] args) {
        PrintWriter out = new PrintWriter(System.out, false);
        PrintWriter err = new PrintWriter(System.err, true);
        int code = run(out, err, args);
        out.flush();
        System.exit(code);
    }

    /** The command, but for the end of the process: what it prints goes to the writers, its exit code comes back. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        CommandLine command = commandLine(args);
        command.setOut(out).setErr(err);
        try {
            return command.execute(args);
        } catch (LinkageError e) {
            // picocli hands over exceptions only. This is libbpf missing, or JNA's native part, which lies beside the
            // jars.
            Throwable cause = e.getCause() instanceof LibbpfException ? e.getCause() : e;
            String remedy = cause == e ? "; install csumbpf again" : "";
            err.println("csumbpf: " + String.valueOf(cause.getMessage()).replace('\n', ' ') + remedy);
            return ExitCode.UNSUPPORTED_HOST.code();
        }
    }

    /**
     * Knows all subcommands, or, where arguments name some, those alone: reading the annotations of the others would take up to a
     * tenth of the time of a short command. What else could need them gets all: a help, a file of arguments.
     */
    static CommandLine commandLine(String... args) {
        CommandLine command = new CommandLine(new Csumbpf());
        List<String> words = List.of(args);
        boolean all = words.contains("-h")
                || words.contains("--help")
                || words.stream().anyMatch(word -> word.startsWith("@"))
                || SUBCOMMANDS.stream().noneMatch(subcommand -> words.contains(subcommand.getKey()));
        for (Map.Entry<String, Class<?>> subcommand : SUBCOMMANDS) {
            if (all || words.contains(subcommand.getKey())) {
                command.addSubcommand(subcommand.getKey(), subcommand.getValue());
            }
        }
        command.setParameterExceptionHandler(Main::usageError);
        command.setExecutionExceptionHandler(Main::failure);
        command.setUnmatchedOptionsArePositionalParams(false);
        String noColor = System.getenv("NO_COLOR");
        boolean plain = (noColor != null && !noColor.isEmpty()) || !Boolean.getBoolean("csumbpf.tty");
        command.setColorScheme(CommandLine.Help.defaultColorScheme(plain ? Ansi.OFF : Ansi.ON));
        Map<String, String> codes = new LinkedHashMap<>();
        for (ExitCode code : ExitCode.values()) {
            codes.put(" " + code.code(), code.meaning());
        }
        command.getCommandSpec().usageMessage().exitCodeList(codes).footer("");
        return command;
    }

    private static int usageError(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        String name = command.getCommandSpec().qualifiedName();
        command.getErr().println(name + ": " + oneLine(e) + "; see '" + name + " --help'");
        return ExitCode.USAGE.code();
    }

    private static int failure(Exception e, CommandLine command, ParseResult parsed) {
        PrintWriter err = command.getErr();
        boolean verbose = root(command).verbose();
        ExitCode code = ExitCode.of(e);
        String line = command.getCommandSpec().qualifiedName() + ": ";
        if (e instanceof VerifierException rejected) {
            err.println(line + oneLine(e) + (verbose ? "" : "; -v prints the whole verifier log"));
            if (verbose) {
                err.println(rejected.log());
            }
        } else if (code == ExitCode.NOT_PERMITTED) {
            err.println(line + oneLine(e) + "; run it as root ('sudo "
                    + command.getCommandSpec().qualifiedName() + " ...')");
        } else if (code == ExitCode.INTERNAL) {
            err.println(line + "internal error: " + e.getClass().getSimpleName() + ": " + oneLine(e)
                    + (verbose ? "" : "; -v prints where, please report it"));
        } else {
            err.println(line + oneLine(e));
        }
        if (verbose) {
            e.printStackTrace(err);
        }
        return code.code();
    }

    private static Csumbpf root(CommandLine command) {
        return (Csumbpf) command.getCommandSpec().root().userObject();
    }

    private static String oneLine(Exception e) {
        Throwable told = e instanceof UncheckedIOException ? e.getCause() : e;
        return String.valueOf(told.getMessage()).strip().replaceAll("\\s*\\n\\s*", "; ");
    }
}
