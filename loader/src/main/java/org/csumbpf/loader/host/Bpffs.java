// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** The BPF file system, in which pinned objects outlive the process that made them. */
public final class Bpffs {
    /** The usual mount point. */
    public static final Path DEFAULT = Path.of("/sys/fs/bpf");
    /** Where a container has the host's: Docker's AppArmor profile lets nothing be written below its own /sys/fs. */
    public static final Path IN_CONTAINER = Path.of("/bpf");

    /** Marks a mount as ours: bpffs has no device, so the source may be any text. */
    private static final String SOURCE = "csumbpf";

    private static final int BPF_FS_MAGIC = 0xcafe4a11;
    private static final int STATFS_SIZE = 256;
    /** Offset of f_type, a long; the magic numbers fit into its lower half. */
    private static final int F_TYPE = 0;
    /** Offset of f_flags in struct statfs of 64-bit machines. */
    private static final int STATFS_FLAGS = 80;

    private static final int ST_RDONLY = 1;

    private static final Duration TIMEOUT = Duration.ofSeconds(12);

    /** Null: not asked for yet. */
    private static volatile Path directory;

    private Bpffs() {}

    /**
     * Where this process pins: what {@link #use} named, else {@link #DEFAULT}, or {@link #IN_CONTAINER} if only that is a
     * bpffs. The answer stays the same.
     */
    public static Path directory() {
        Path known = directory;
        if (known == null) {
            known = !isMounted(DEFAULT) && isMounted(IN_CONTAINER) ? IN_CONTAINER : DEFAULT;
            directory = known;
        }
        return known;
    }

    /** Names the mount point for this process, before anything is pinned or read. */
    public static void use(Path mountPoint) {
        directory = mountPoint;
    }

    public static boolean isMounted(Path directory) {
        try (Memory result = new Memory(STATFS_SIZE)) {
            result.clear();
            return Libc.statfs(directory.toString(), result) == 0 && result.getInt(F_TYPE) == BPF_FS_MAGIC;
        }
    }

    /** Whether the file system is mounted read-only, so that nothing can be pinned or unpinned there. */
    public static boolean isReadOnly(Path directory) {
        try (Memory result = new Memory(STATFS_SIZE)) {
            result.clear();
            return Libc.statfs(directory.toString(), result) == 0 && (result.getLong(STATFS_FLAGS) & ST_RDONLY) != 0;
        }
    }

    /**
     * Mounts a bpffs on {@link #DEFAULT} if there is none, and marks the mount as ours. True: this call mounted it.
     *
     * @throws KernelException it cannot be mounted
     * @throws MountException the directory is another one, or would end with a container, or this process has a mount
     *     namespace of its own, and it cannot be mounted in that of process 1
     */
    public static boolean ensureMounted(Path directory) {
        if (isMounted(directory)) {
            return false;
        }
        if (!directory.equals(DEFAULT)) {
            // Its content would be hidden.
            throw new MountException(
                    directory + " is no bpffs", "run 'mount -t bpf bpf " + directory + "', or leave out --bpffs", null);
        }
        if (followsInit(directory)) {
            mountInInit(directory);
            return true;
        }
        if (Container.isCurrent()) {
            throw new MountException(
                    directory + " is no bpffs, and one that is mounted in this container would end with it",
                    Files.exists(IN_CONTAINER)
                            ? "run 'mount -t bpf bpf " + DEFAULT + "' on the host, and start the container again"
                            : "give the container the volume " + DEFAULT + ":" + IN_CONTAINER,
                    null);
        }
        Libc.check(
                Libc.mount(SOURCE, directory.toString(), "bpf", 0, "mode=0700"),
                "mount bpffs on",
                directory.toString());
        return true;
    }

    private static void mountInInit(Path directory) {
        String output = runInInit("mount", "-t", "bpf", "-o", "mode=0700", SOURCE, directory.toString());
        String problem = null;
        if (!output.isEmpty()) {
            problem = "mount bpffs on " + directory + " for process 1 failed: " + output;
        } else if (!isMounted(directory)) {
            runInInit("umount", directory.toString());
            problem = "a bpffs that process 1 has on " + directory
                    + " does not reach this process, which has a mount namespace of its own";
        }
        if (problem != null) {
            throw new MountException(
                    problem, "run 'nsenter --mount=/proc/1/ns/mnt mount -t bpf bpf " + directory + "'", null);
        }
    }

    /** Whether {@link #ensureMounted} of this or another process made the mount that is there. */
    public static boolean isOurs(Path directory) {
        return directory.equals(DEFAULT)
                && source(mounts(), directory.toString(), "bpf")
                        .filter(SOURCE::equals)
                        .isPresent();
    }

    /** Unmounts the bpffs. EBUSY: somebody has a file or a directory in it open. */
    public static void unmount(Path directory) {
        if (followsInit(directory)) {
            String output = runInInit("umount", directory.toString());
            if (!output.isEmpty()) {
                throw new KernelException(
                        "unmount bpffs from",
                        directory.toString(),
                        output.contains("busy") ? Errno.EBUSY : Errno.EINVAL);
            }
            return;
        }
        Libc.check(Libc.umount2(directory.toString(), 0), "unmount bpffs from", directory.toString());
    }

    /**
     * Whether pins there outlive this command. They do not under {@code ip netns exec} and the like, which make a mount
     * namespace with a new /sys. Compares with process 1; if that cannot be read, checks for the trace of {@code ip
     * netns exec}: a /sys whose source is the namespace's name.
     */
    public static boolean outlivesCommand(Path directory) {
        try {
            return !isApart() || isMounted(directory) && isShared(directory) || followsInit(directory);
        } catch (IOException e) {
            return sysfsSource(mounts())
                    .filter(source -> Files.exists(Path.of("/run/netns", source)))
                    .isEmpty();
        }
    }

    /**
     * Whether this process has another mount namespace than process 1, as a unit of systemd with ProtectSystem= has.
     *
     * @throws IOException process 1 may not be looked at
     */
    private static boolean isApart() throws IOException {
        return !Files.readSymbolicLink(Path.of("/proc/self/ns/mnt"))
                .equals(Files.readSymbolicLink(Path.of("/proc/1/ns/mnt")));
    }

    /** Whether process 1 has the same file system there. */
    private static boolean isShared(Path directory) throws IOException {
        return device(directory) == device(Path.of("/proc/1/root" + directory));
    }

    /**
     * Whether this process has another mount namespace than process 1, but gets what that one mounts there, as a unit of
     * systemd with ProtectSystem= does. A process 1 that may not be looked at is not ours to mount for.
     */
    private static boolean followsInit(Path directory) {
        try {
            return isApart() && isShared(directory) && isSlave(mounts(), directory.toString());
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Whether the mount that contains a path gets mounts from another one: "master:" in the text of /proc/self/mountinfo
     * (mount_namespaces(7)).
     */
    static boolean isSlave(List<String> mountinfo, String path) {
        String longest = "";
        boolean slave = false;
        for (String line : mountinfo) {
            String[] before = line.split(" - ", 2)[0].split(" ");
            boolean contains = before.length >= 5
                    && (path + "/").startsWith(before[4].equals("/") ? "/" : before[4] + "/")
                    && before[4].length() >= longest.length();
            if (contains) {
                longest = before[4];
                slave = Arrays.stream(before).skip(6).anyMatch(field -> field.startsWith("master:"));
            }
        }
        return slave;
    }

    /**
     * Runs a command in the mount namespace of process 1. What it mounts there, systemd's units get, too; what a unit
     * mounts, nobody else sees, and it ends with the unit.
     *
     * @return its output, which is empty if it has succeeded
     */
    private static String runInInit(String... command) {
        List<String> line = new ArrayList<>(List.of("nsenter", "--mount=/proc/1/ns/mnt", "--"));
        line.addAll(List.of(command));
        try {
            BoundedProcess.ProcessResult result = BoundedProcess.run(line, TIMEOUT);
            if (!result.ended()) {
                throw new MountException(
                        "'" + String.join(" ", line) + "' did not end within " + TIMEOUT.toSeconds() + " s",
                        null,
                        null);
            }
            return result.output().strip();
        } catch (IOException e) {
            throw new MountException("nsenter cannot be run", "run 'apt install util-linux'", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MountException("interrupted", null, e);
        }
    }

    /** The source of the topmost sysfs on /sys, from the text of /proc/self/mountinfo (proc(5)). */
    static Optional<String> sysfsSource(List<String> mountinfo) {
        return source(mountinfo, "/sys", "sysfs");
    }

    /** The source of the topmost mount of that type on that directory. */
    private static Optional<String> source(List<String> mountinfo, String directory, String type) {
        Optional<String> source = Optional.empty();
        for (String line : mountinfo) {
            // 36 35 98:0 /root /mount/point options [optional fields] - type source super-options
            String[] halves = line.split(" - ", 2);
            String[] before = halves[0].split(" ");
            String[] after = halves.length == 2 ? halves[1].split(" ") : new String[0];
            if (after.length >= 2 && before.length >= 5 && before[4].equals(directory) && after[0].equals(type)) {
                source = Optional.of(after[1]);
            }
        }
        return source;
    }

    private static List<String> mounts() {
        try {
            return Files.readAllLines(Path.of("/proc/self/mountinfo"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return List.of();
        }
    }

    private static long device(Path path) throws IOException {
        return (Long) Files.getAttribute(path, "unix:dev");
    }
}
