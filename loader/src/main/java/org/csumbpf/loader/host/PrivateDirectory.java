// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Directories that nobody else may enter, even below one to which everybody may write (bpffs has mode 1777 by default).
 * Nobody but root can remove, rename or replace what root owns there, so a check stays valid until root does so.
 */
public final class PrivateDirectory {
    private static final int MODE = 0700;
    private static final int PERMISSIONS = 07777;
    private static final int WRITABLE_BY_OTHERS = 022;
    private static final int STICKY = 01000;
    private static final int TYPE = 0170000;
    private static final int DIRECTORY = 0040000;
    private static final int SYMBOLIC_LINK = 0120000;

    private PrivateDirectory() {}

    /**
     * Makes the directory with mode 0700 if it does not exist. Its parent must exist.
     *
     * @throws UntrustedPathException it is no directory, or somebody else's; or the parent lets others replace it
     * @throws KernelException it cannot be made
     */
    public static void ensure(Path directory) {
        Path parent = directory.getParent();
        int[] above = stat(parent).orElseThrow(() -> new KernelException("open", parent.toString(), Errno.ENOENT));
        if (!ours(above[1]) || (above[0] & WRITABLE_BY_OTHERS) != 0 && (above[0] & STICKY) == 0) {
            throw new UntrustedPathException(
                    parent + " is writable by users other than root",
                    "run 'chown root " + parent + " && chmod go-w " + parent + "'");
        }
        if (Libc.mkdir(directory.toString(), MODE) < 0) {
            int errno = Native.getLastError();
            if (errno != Errno.EEXIST
                    && !(errno == Errno.EROFS && stat(directory).isPresent())) {
                throw new KernelException("create directory", directory.toString(), errno);
            }
        }
        check(directory).ifPresent(problem -> {
            throw new UntrustedPathException(problem);
        });
        int[] stat = stat(directory).orElseThrow(() -> gone(directory));
        if ((stat[0] & PERMISSIONS) != MODE) { // an earlier version made it
            Libc.check(Libc.chmod(directory.toString(), MODE), "set mode 0700 of", directory.toString());
        }
    }

    /** Why the directory cannot be trusted; empty: it is ours, or does not exist. */
    public static Optional<String> check(Path directory) {
        Optional<int[]> found = stat(directory);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        int mode = found.get()[0];
        int owner = found.get()[1];
        String what = null;
        if ((mode & TYPE) == SYMBOLIC_LINK) {
            what = "is a symbolic link";
        } else if ((mode & TYPE) != DIRECTORY) {
            what = "is not a directory";
        } else if (!ours(owner)) {
            what = "belongs to user " + owner;
        } else if ((mode & WRITABLE_BY_OTHERS) != 0) {
            what = "is writable by users other than root";
        }
        return Optional.ofNullable(what)
                .map(w -> directory + " " + w + ", so csumbpf does not use it; see 'ls -ld " + directory + "'");
    }

    private static KernelException gone(Path directory) {
        return new KernelException("open directory", directory.toString(), Errno.ENOENT);
    }

    private static boolean ours(int owner) {
        return owner == 0 || owner == Libc.geteuid();
    }

    /** Mode (with the type) and owner, without following a symbolic link; empty: the path does not exist. */
    private static Optional<int[]> stat(Path path) {
        try {
            Map<String, Object> all = Files.readAttributes(path, "unix:mode,uid", LinkOption.NOFOLLOW_LINKS);
            return Optional.of(new int[] {(Integer) all.get("mode"), (Integer) all.get("uid")});
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new KernelException("read attributes of", path.toString(), Errno.EACCES, e);
        }
    }
}
