// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.csumbpf.attach.AttachException;
import org.csumbpf.attach.Attachments;
import org.csumbpf.loader.host.Privileges;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What all commands share that look at the host: they need privileges and a mount namespace that lasts. */
abstract class HostCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public final Integer call() {
        checkUsage();
        if (!(changes() ? Privileges.canAttach() : Privileges.canRead())) {
            throw new AttachException(
                    AttachException.Kind.NOT_PERMITTED,
                    "not permitted: needs CAP_NET_ADMIN and CAP_BPF" + (changes() ? " and CAP_PERFMON" : "")
                            + ", or CAP_NET_ADMIN and CAP_SYS_ADMIN (EPERM)");
        }
        Attachments.requireLasting(
                global().namesNetns(),
                String.join(" ", spec.root().commandLine().getParseResult().originalArgs()));
        run(spec.commandLine().getOut());
        return ExitCode.DONE.code();
    }

    /** Throws a ParameterException for what picocli cannot check; comes before privileges are looked at. */
    void checkUsage() {}

    /** Whether it may change something, which needs more rights. */
    boolean changes() {
        return true;
    }

    abstract void run(PrintWriter out);

    CommandSpec spec() {
        return spec;
    }

    PrintWriter err() {
        return spec.commandLine().getErr();
    }

    Csumbpf global() {
        return (Csumbpf) spec.root().userObject();
    }
}
