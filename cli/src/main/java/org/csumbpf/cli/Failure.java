// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.VerifierException;
import org.csumbpf.loader.host.Container;
import org.csumbpf.pin.AttachException;
import org.csumbpf.text.ShellWord;

/**
 * How a failure is reported: one line on standard error and, with --json, an object on standard output.
 *
 * @param command qualified, {@code csumbpf vni add}
 * @param code the exit code
 * @param error what is wrong, in one line
 * @param next what to do about it; null: not known
 * @param errno its name; null: no system call failed
 */
record Failure(String command, ExitCode code, String error, String next, String errno) {
    static Failure of(Throwable e, String command, List<String> arguments) {
        boolean verbose = arguments.contains("-v") || arguments.contains("--verbose");
        ExitCode code = ExitCode.of(e);
        String error = e instanceof Advised advised ? advised.problem() : message(e);
        String next = e instanceof Advised advised ? advised.next() : null;
        if (e instanceof VerifierException) {
            next = verbose ? null : "-v prints the whole verifier log";
        } else if (code == ExitCode.NOT_PERMITTED && !Container.isCurrent()) {
            String root = "run 'sudo csumbpf " + ShellWord.line(arguments) + "'";
            next = next == null ? root : next + "; " + root;
        } else if (code == ExitCode.INTERNAL) {
            error = "internal error: " + e.getClass().getSimpleName() + ": " + error;
            next = verbose ? "please report this" : "run the command again with -v, and report the output";
        }
        return new Failure(command, code, oneLine(error), next, errno(e));
    }

    /** @param errno negative: not known */
    static Failure outputLost(int errno, String command) {
        return new Failure(
                command,
                ExitCode.OUTPUT_LOST,
                "write standard output" + (errno < 0 ? " failed" : ": " + Errno.describe(errno)),
                "a change that the command made stays; see 'csumbpf status'",
                errno < 0 ? null : Errno.name(errno));
    }

    /** The line for standard error. */
    String line() {
        return command + ": " + error + (next == null ? "" : "; " + next);
    }

    /** The names of its members never change meaning. */
    Map<String, Object> json() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("error", error);
        tree.put("next", next);
        tree.put("errno", errno);
        tree.put("exit_code", code.code());
        tree.put("command", command);
        return tree;
    }

    static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\n\\s*", "; ");
    }

    private static String message(Throwable e) {
        Throwable reported = e instanceof UncheckedIOException ? e.getCause() : e;
        return String.valueOf(reported.getMessage());
    }

    private static String errno(Throwable e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof KernelException refused) {
                return Errno.name(refused.errno());
            }
        }
        if (e instanceof AttachException absent && absent.kind() == AttachException.Kind.NO_SUCH_INTERFACE) {
            return Errno.name(Errno.ENODEV);
        }
        return null;
    }
}
