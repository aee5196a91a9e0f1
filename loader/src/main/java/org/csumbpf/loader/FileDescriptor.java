// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Native;
import java.util.concurrent.atomic.AtomicBoolean;

/** A file descriptor of the bpf system call, closed once. */
final class FileDescriptor implements AutoCloseable {
    private static final int F_DUPFD_CLOEXEC = 1030;

    static {
        Native.register(FileDescriptor.class, "c");
    }

    private final int fd;
    private final AtomicBoolean open = new AtomicBoolean(true);

    /** Takes over the descriptor that a call returned, or throws if the call returned a negative errno. */
    FileDescriptor(int fd, String operation, String object) {
        this.fd = Libbpf.check(fd, operation, object);
    }

    /** A second descriptor of the object that {@code other} refers to. */
    static FileDescriptor duplicate(int other, String object) {
        int copy = fcntl(other, F_DUPFD_CLOEXEC, 0);
        return new FileDescriptor(copy < 0 ? -Native.getLastError() : copy, "duplicate descriptor of", object);
    }

    private static native int fcntl(int fd, int command, int argument);

    private static native int close(int fd);

    int get() {
        if (!open.get()) {
            throw new IllegalStateException("closed");
        }
        return fd;
    }

    @Override
    public void close() {
        if (open.compareAndSet(true, false)) {
            close(fd);
        }
    }
}
