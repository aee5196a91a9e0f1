// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.csumbpf.apply.Attachments;
import org.csumbpf.config.ConfigException;
import org.csumbpf.config.ConfigSource;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.Container;
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
                            + ", or CAP_NET_ADMIN and CAP_SYS_ADMIN (EPERM)",
                    Container.isCurrent() ? "give the container both of the latter (cap_add)" : null);
        }
        bpffs().ifPresent(HostCommand::use);
        Attachments.requireLasting(global().namesNetns(), ShellWord.line(arguments()));
        return run((Output) spec.commandLine().getOut()).code();
    }

    /** What is not a bpffs has no pins, so "nothing is attached" would not be known. */
    private static void use(Path bpffs) {
        if (!Bpffs.isMounted(bpffs) && !bpffs.equals(Bpffs.DEFAULT)) {
            throw new AttachException(
                    AttachException.Kind.UNSUPPORTED_HOST,
                    bpffs + " is no bpffs",
                    "run 'mount -t bpf bpf " + ShellWord.quote(bpffs.toString()) + "', or see 'findmnt -t bpf'");
        }
        Bpffs.use(bpffs);
    }

    /** Throws a ParameterException for what picocli cannot check. Runs before privileges are checked. */
    void checkUsage() {}

    /** Whether the command accesses the host this time. If not, anyone may run it. */
    boolean readsHost() {
        return true;
    }

    /**
     * Where to pin; empty: where the bpffs is found.
     *
     * @throws ConfigException the configuration file names a place, and cannot be used
     */
    Optional<Path> bpffs() {
        return global().bpffs().or(ConfigSource::bpffs);
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
