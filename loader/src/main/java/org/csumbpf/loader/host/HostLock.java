// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * An exclusive lock (flock(2)) on a file in a directory that only root may enter, so that nobody else can hold the
 * lock. It ends with the process at the latest; the file stays.
 */
public final class HostLock implements AutoCloseable {
    private static final int MODE = 0600;

    private final int fd;

    private HostLock(int fd) {
        this.fd = fd;
    }

    /**
     * Locks {@code <directory>/lock}. Makes the directory and the file if they do not exist. The directory's parent
     * must exist.
     *
     * @throws LockTimeoutException somebody else holds the lock for longer than {@code timeout}
     * @throws UntrustedPathException the directory is somebody else's
     */
    public static HostLock acquire(Path directory, Duration timeout) {
        PrivateDirectory.ensure(directory);
        String file = directory.resolve("lock").toString();
        int fd = Libc.check(Libc.open(file, Libc.O_RDWR | Libc.O_CREAT | Libc.O_CLOEXEC, MODE), "open", file);
        boolean locked = false;
        try {
            Flock.exclusive(
                    fd,
                    file,
                    System.nanoTime() + timeout.toNanos(),
                    () -> new LockTimeoutException(
                            "another csumbpf command" + holder(fd) + " holds the lock on " + file,
                            "wait until that command ends, or see 'fuser -v " + file + "'"));
            locked = true;
            return new HostLock(fd);
        } finally {
            if (!locked) {
                Libc.close(fd);
            }
        }
    }

    /**
     * Whether a process holds the lock of the directory. Who acquires it in this very moment must wait some milliseconds for
     * it, so must not have a timeout of 0. Makes nothing.
     */
    public static boolean isHeld(Path directory) {
        PrivateDirectory.check(directory).ifPresent(problem -> {
            throw new UntrustedPathException(problem);
        });
        String file = directory.resolve("lock").toString();
        int fd = Libc.open(file, Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (fd < 0) {
            int errno = Native.getLastError();
            if (errno == Errno.ENOENT) {
                return false;
            }
            throw new KernelException("open", file, errno);
        }
        try {
            return !Flock.shared(fd, file);
        } finally {
            Libc.close(fd);
        }
    }

    private static String holder(int fd) {
        try {
            Map<String, Object> file = Files.readAttributes(Path.of("/proc/self/fd/" + fd), "unix:dev,ino");
            List<Long> pids =
                    holders(Files.readAllLines(Path.of("/proc/locks")), (Long) file.get("dev"), (Long) file.get("ino"));
            return pids.isEmpty() ? "" : " (process " + pids.get(0) + ")";
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * The processes that hold a flock on a file, from the lines of /proc/locks (proc_locks(5)). Processes of another
     * PID namespace, whose number is 0 or less, are left out.
     */
    static List<Long> holders(List<String> locks, long device, long inode) {
        // 1: FLOCK  ADVISORY  WRITE 1234 00:1a:567 0 EOF; a waiting process has an arrow after the number
        String file = String.format(Locale.ROOT, "%02x:%02x:%d", major(device), minor(device), inode);
        List<Long> pids = new ArrayList<>();
        for (String line : locks) {
            String[] fields = line.strip().split("\\s+");
            if (fields.length >= 6 && fields[1].equals("FLOCK") && fields[5].equals(file)) {
                long pid = Long.parseLong(fields[4]);
                if (pid > 0) {
                    pids.add(pid);
                }
            }
        }
        return pids;
    }

    /** The major number in a dev_t, as glibc's gnu_dev_major() computes it. */
    private static long major(long device) {
        return (device >>> 8 & 0xfff) | (device >>> 32 & 0xfffff000L);
    }

    private static long minor(long device) {
        return (device & 0xff) | (device >>> 12 & 0xffffff00L);
    }

    @Override
    public void close() {
        Libc.close(fd);
    }
}
