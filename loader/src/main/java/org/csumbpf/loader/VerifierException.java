// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** The verifier rejected a program. The message has the cause in one line, {@link #log()} the whole log. */
public final class VerifierException extends KernelException {
    private final transient VerifierLog log;

    VerifierException(String object, int errno, String log) {
        super("load program of", object, errno);
        this.log = new VerifierLog(log);
    }

    @Override
    public String getMessage() {
        return super.getMessage() + ": " + log.summary();
    }

    /** The whole log, as the kernel wrote it. */
    public String log() {
        return log.text();
    }
}
