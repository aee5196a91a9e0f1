// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import org.csumbpf.apply.PartialFailureException;
import org.csumbpf.config.ConfigException;
import org.csumbpf.doctor.Bundle;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.LibbpfException;
import org.csumbpf.loader.host.LockTimeoutException;
import org.csumbpf.loader.host.MountException;
import org.csumbpf.loader.host.NoSuchNamespaceException;
import org.csumbpf.loader.host.UntrustedPathException;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.pin.AttachException;
import org.csumbpf.serve.WebConfigException;

/** The command's exit codes. Scripts depend on them, so they never change their meaning. */
enum ExitCode {
    DONE(0, "done"),
    INTERNAL(1, "a bug in csumbpf"),
    USAGE(2, "wrong usage"),
    NOT_PERMITTED(3, "not permitted: needs root"),
    NO_SUCH_INTERFACE(4, "no such interface or network namespace"),
    UNSUPPORTED_HOST(5, "not supported on this host or interface as it is"),
    NOT_ATTACHED(6, "not attached"),
    KERNEL_REFUSED(7, "the kernel refused"),
    BUSY(8, "another csumbpf command is running"),
    /** The one code that is no failure: the command worked, and found a problem. */
    AMISS(
            9,
            "status: something is amiss with an attachment; doctor: a check found an error; agent --check: no agent works"),
    OUTPUT_LOST(10, "the output could not be written"),
    CONFIG(11, "a file cannot be used: the configuration of the agent, that of --web-config, or a bundle of doctor");

    private final int code;
    private final String meaning;

    ExitCode(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    int code() {
        return code;
    }

    String meaning() {
        return meaning;
    }

    static ExitCode of(Throwable failure) {
        if (failure instanceof AttachException e) {
            return switch (e.kind()) {
                case NOT_PERMITTED -> NOT_PERMITTED;
                case NO_SUCH_INTERFACE -> NO_SUCH_INTERFACE;
                case UNSUPPORTED_HOST -> UNSUPPORTED_HOST;
                case NOT_ATTACHED -> NOT_ATTACHED;
                case KERNEL_REFUSED -> KERNEL_REFUSED;
                case BUSY -> BUSY;
            };
        }
        if (failure instanceof PartialFailureException) {
            return of(failure.getCause());
        }
        if (failure instanceof KernelException e) {
            return switch (e.errno()) {
                case Errno.EPERM, Errno.EACCES -> NOT_PERMITTED;
                case Errno.ENODEV -> NO_SUCH_INTERFACE;
                default -> KERNEL_REFUSED;
            };
        }
        if (failure instanceof Bundle.UnwritableException) {
            return OUTPUT_LOST;
        }
        if (failure instanceof ConfigException
                || failure instanceof WebConfigException
                || failure instanceof Bundle.UnreadableException) {
            return CONFIG;
        }
        if (failure instanceof NoSuchNamespaceException) {
            return NO_SUCH_INTERFACE;
        }
        if (failure instanceof OtherVersionException) {
            return UNSUPPORTED_HOST;
        }
        if (failure instanceof LibbpfException) {
            return UNSUPPORTED_HOST;
        }
        if (failure instanceof UntrustedPathException || failure instanceof MountException) {
            return UNSUPPORTED_HOST;
        }
        if (failure instanceof LockTimeoutException) {
            return BUSY;
        }
        return INTERNAL;
    }
}
