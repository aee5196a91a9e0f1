// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

/** An operation was refused or failed; the message is one line for the user, with the next step where there is one. */
public final class AttachException extends RuntimeException {
    /** What kind of failure it was; the command turns it into its exit code. */
    public enum Kind {
        NOT_PERMITTED,
        NO_SUCH_INTERFACE,
        UNSUPPORTED_HOST,
        NOT_ATTACHED,
        KERNEL_REFUSED,
        BUSY
    }

    private final Kind kind;

    public AttachException(Kind kind, String message) {
        this(kind, message, null);
    }

    public AttachException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
