// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.concurrent.Callable;
import org.csumbpf.apply.Attachments;
import org.csumbpf.loader.host.Privileges;
import org.csumbpf.pin.AttachException;
import org.csumbpf.text.ShellWord;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Base of all commands that access the host. They need privileges, and a mount namespace that outlives them. */
abstract class HostCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public final Integer call() {
        checkUsage();
        if (!readsHost()) {
            return run((Output) spec.commandLine().getOut()).code();
        }
        if (!(changes() ? Privileges.canAttach() : Privileges.canRead())) {
            throw new AttachException(
                    AttachException.Kind.NOT_PERMITTED,
                    "not permitted: needs CAP_NET_ADMIN and CAP_BPF" + (changes() ? " and CAP_PERFMON" : "")
                            + ", or CAP_NET_ADMIN and CAP_SYS_ADMIN (EPERM)");
        }
        Attachments.requireLasting(global().namesNetns(), ShellWord.line(arguments()));
        return run((Output) spec.commandLine().getOut()).code();
    }

    /** Throws a ParameterException for what picocli cannot check. Runs before privileges are checked. */
    void checkUsage() {}

    /** Whether the command accesses the host this time. If not, anyone may run it. */
    boolean readsHost() {
        return true;
    }

    /** Whether the command may change something, which needs more privileges. */
    boolean changes() {
        return true;
    }

    /** @return the exit code, if no exception is thrown */
    abstract ExitCode run(Output out);

    CommandSpec spec() {
        return spec;
    }

    Output err() {
        return (Output) spec.commandLine().getErr();
    }

    /** The report of a failure of this command; null for null. */
    Failure failure(RuntimeException e) {
        return e == null ? null : Failure.of(e, spec.qualifiedName(), arguments());
    }

    /** Throws the failure, if there is one. Called last, after the report. */
    static void throwIfAny(RuntimeException failure) {
        if (failure != null) {
            throw failure;
        }
    }

    private List<String> arguments() {
        return spec.root().commandLine().getParseResult().originalArgs();
    }

    Csumbpf global() {
        return (Csumbpf) spec.root().userObject();
    }
}
