// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The BPF file system, where objects outlive the process that made them. */
public final class Bpffs {
    /** Where everybody mounts it. */
    public static final Path DEFAULT = Path.of("/sys/fs/bpf");

    private static final int BPF_FS_MAGIC = 0xcafe4a11;
    private static final int STATFS_SIZE = 256;

    private Bpffs() {}

    public static boolean isMounted(Path directory) {
        Memory result = new Memory(STATFS_SIZE);
        result.clear();
        return Libc.statfs(directory.toString(), result) == 0 && result.getInt(0) == BPF_FS_MAGIC;
    }

    /** Mounts one there if there is none; true: this call did. */
    public static boolean ensureMounted(Path directory) {
        if (isMounted(directory)) {
            return false;
        }
        Libc.check(
                Libc.mount("bpf", directory.toString(), "bpf", 0, "mode=0700"),
                "mount bpffs on",
                directory.toString());
        return true;
    }

    /** EBUSY: somebody has a file or a directory of it open. */
    public static void unmount(Path directory) {
        Libc.check(Libc.umount2(directory.toString(), 0), "unmount bpffs from", directory.toString());
    }

    /**
     * Whether what is pinned there is still there when this process ends. It is not under {@code ip netns exec} and the
     * like: that makes a mount namespace of its own, with a new /sys. Told by comparing with process 1, where that can
     * be read; where it cannot, the answer is yes.
     */
    public static boolean outlivesCommand(Path directory) {
        try {
            Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/mnt"));
            if (own.equals(Files.readSymbolicLink(Path.of("/proc/1/ns/mnt")))) {
                return true;
            }
            Path ofInit = Path.of("/proc/1/root" + directory);
            return isMounted(directory) && isMounted(ofInit) && device(directory) == device(ofInit);
        } catch (IOException e) {
            return true;
        }
    }

    private static long device(Path path) throws IOException {
        return (Long) Files.getAttribute(path, "unix:dev");
    }
}
