// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.util.function.Supplier;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Takes a lock (flock(2)). An exclusive one with a timeout: the kernel alone would wait for ever or not at all. */
final class Flock {
    private static final int LOCK_SH = 1;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    private static final long POLL_MILLIS = 10;

    private Flock() {}

    /** Locks what the descriptor has open, together with others that do so; false: somebody has it exclusively. */
    static boolean shared(int fd, Object object) {
        while (Libc.flock(fd, LOCK_SH | LOCK_NB) < 0) {
            int errno = Native.getLastError();
            if (errno == Errno.EAGAIN) {
                return false;
            }
            if (errno != Errno.EINTR) {
                throw new KernelException("lock", object.toString(), errno);
            }
        }
        return true;
    }

    /**
     * Locks what the descriptor has open. Closing the descriptor ends the lock.
     *
     * @param object what the descriptor has open, for messages
     * @param deadline of {@link System#nanoTime}
     * @param late what to throw if somebody else holds the lock until the deadline
     */
    static void exclusive(int fd, Object object, long deadline, Supplier<LockTimeoutException> late) {
        while (Libc.flock(fd, LOCK_EX | LOCK_NB) < 0) {
            int errno = Native.getLastError();
            if (errno != Errno.EAGAIN && errno != Errno.EINTR) {
                throw new KernelException("lock", object.toString(), errno);
            }
            if (System.nanoTime() >= deadline) {
                throw late.get();
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
    }
}
