// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import org.csumbpf.loader.AdvisedException;

/** An operation was refused or failed. The message is one line for the user, with the next step if there is one. */
public final class AttachException extends AdvisedException {
    /** The kind of failure, from which the command makes its exit code. */
    public enum Kind {
        NOT_PERMITTED,
        NO_SUCH_INTERFACE,
        UNSUPPORTED_HOST,
        NOT_ATTACHED,
        KERNEL_REFUSED,
        BUSY
    }

    private final Kind kind;

    public AttachException(Kind kind, String problem) {
        this(kind, problem, null, null);
    }

    public AttachException(Kind kind, String problem, Throwable cause) {
        this(kind, problem, null, cause);
    }

    public AttachException(Kind kind, String problem, String next) {
        this(kind, problem, next, null);
    }

    /**
     * @param next what the user can do about it; null: nothing is known
     * @param cause null: none
     */
    public AttachException(Kind kind, String problem, String next, Throwable cause) {
        super(problem, next, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
