// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * A call into the kernel (or into libbpf on its behalf) failed. The message is one line that names the operation, the
 * object and the errno, as in {@code pin map /sys/fs/bpf/x: EPERM (Operation not permitted)}.
 */
public class KernelException extends RuntimeException {
    private final String operation;
    private final String object;
    private final int errno;

    /**
     * @param operation what was tried, as a verb phrase ("pin map")
     * @param object what it was tried on (a path, a map, an interface)
     * @param errno positive Linux errno
     */
    public KernelException(String operation, String object, int errno) {
        this(operation, object, errno, null);
    }

    public KernelException(String operation, String object, int errno, Throwable cause) {
        super(operation + " " + object + ": " + Errno.describe(errno), cause);
        this.operation = operation;
        this.object = object;
        this.errno = errno;
    }

    public String operation() {
        return operation;
    }

    public String object() {
        return object;
    }

    /** Positive Linux errno. */
    public int errno() {
        return errno;
    }
}
