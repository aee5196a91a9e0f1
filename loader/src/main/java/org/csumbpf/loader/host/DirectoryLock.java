// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * An exclusive lock (flock(2)) on a directory that nobody else may open ({@link PrivateDirectory}). The lock ends with
 * the process at the latest. The holder may remove the directory; a waiting process then notices and makes a new one.
 */
public final class DirectoryLock implements AutoCloseable {
    private final int fd;

    private DirectoryLock(int fd) {
        this.fd = fd;
    }

    /** Makes the directory if it does not exist, and locks it. */
    public static DirectoryLock acquire(Path directory, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (true) {
            try {
                Files.createDirectories(directory.getParent());
                PrivateDirectory.ensure(directory);
            } catch (KernelException e) {
                if (e.errno() == Errno.ENOENT && System.nanoTime() < deadline) {
                    continue; // the holder removed it at this moment
                }
                throw e;
            } catch (FileAlreadyExistsException | NoSuchFileException e) {
                // Both also happen if the holder removes the directory, or a parent, at this moment.
                if (System.nanoTime() < deadline) {
                    continue;
                }
                throw new UncheckedIOException(e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            int fd = Libc.open(directory.toString(), Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC);
            if (fd < 0) {
                int errno = Native.getLastError();
                if (errno == Errno.ENOENT && System.nanoTime() < deadline) {
                    continue; // the holder removed it after ensure()
                }
                throw new KernelException("open", directory.toString(), errno);
            }
            boolean locked = false;
            try {
                Flock.exclusive(
                        fd,
                        directory,
                        deadline,
                        () -> new LockTimeoutException(
                                "another csumbpf command holds the lock on " + directory,
                                "wait until that command ends, or see 'fuser -v " + directory + "'"));
                locked = isStill(directory, fd);
            } finally {
                if (!locked) {
                    Libc.close(fd);
                }
            }
            if (locked) {
                return new DirectoryLock(fd);
            }
        }
    }

    /** Whether the path still names the locked directory. */
    private static boolean isStill(Path directory, int fd) {
        try {
            return Files.getAttribute(directory, "unix:ino")
                    .equals(Files.getAttribute(Path.of("/proc/self/fd/" + fd), "unix:ino"));
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() {
        Libc.close(fd);
    }
}
