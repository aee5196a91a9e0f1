// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.concurrent.Callable;
import org.csumbpf.attach.AttachException;
import org.csumbpf.attach.Attachments;
import org.csumbpf.attach.ShellWord;
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
        if (!Privileges.canAttach()) {
            throw new AttachException(
                    AttachException.Kind.NOT_PERMITTED,
                    "not permitted: needs CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN (EPERM)");
        }
        Attachments.requireLasting(global().namesNetns(), ShellWord.line(arguments()));
        run((Output) spec.commandLine().getOut());
        return ExitCode.DONE.code();
    }

    /** Throws a ParameterException for what picocli cannot check; comes before privileges are looked at. */
    void checkUsage() {}

    abstract void run(Output out);

    CommandSpec spec() {
        return spec;
    }

    Output err() {
        return (Output) spec.commandLine().getErr();
    }

    /** How a failure of this command is told. */
    Failure failure(Exception e) {
        return Failure.of(e, spec.qualifiedName(), arguments());
    }

    private List<String> arguments() {
        return spec.root().commandLine().getParseResult().originalArgs();
    }

    Csumbpf global() {
        return (Csumbpf) spec.root().userObject();
    }
}
