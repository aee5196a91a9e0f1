// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.DirectoryLock;
import org.csumbpf.loader.host.NetworkNamespace;

/** The whole of {@code /sys/fs/bpf/csumbpf}: who may change it, and when it comes and goes. */
final class PinTree {
    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(30);
    /** Locked while bpffs is mounted below it or unmounted; it is there before and after. */
    private static final Path MOUNT_LOCK = Bpffs.DEFAULT.getParent();

    /**
     * Refuses to work in a mount namespace whose bpffs ends with the command: what is pinned there would be gone, and
     * what is pinned outside would not be seen.
     *
     * @param namesNetns whether the arguments name a network namespace already
     * @param arguments the command's own words after {@code csumbpf}, for the way out
     */
    static void requireLasting(boolean namesNetns, String arguments) {
        if (Bpffs.outlivesCommand(Bpffs.DEFAULT)) {
            return;
        }
        String way = "csumbpf " + arguments;
        if (!namesNetns) {
            try (NetworkNamespace current = NetworkNamespace.current()) {
                way = current.name()
                        .map(name -> "csumbpf --netns " + name + " " + arguments)
                        .orElse("nsenter --net=/proc/PID/ns/net csumbpf " + arguments);
            }
        }
        throw new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "this mount namespace has a /sys of its own (as under 'ip netns exec'), so pins in " + Bpffs.DEFAULT
                        + " would end with this command; run '" + way + "' outside of it");
    }

    /** What a change of the tree is told, and can ask for. */
    static final class Scope {
        private final boolean mounted;
        private boolean unmountWhenEmpty;

        private Scope(boolean mounted) {
            this.mounted = mounted;
            this.unmountWhenEmpty = mounted;
        }

        /** Whether bpffs was mounted for this change. */
        boolean mounted() {
            return mounted;
        }

        /** Asks for bpffs to be unmounted at the end, if nothing is in it any more. */
        void unmountWhenEmpty() {
            unmountWhenEmpty = true;
        }
    }

    /**
     * Runs {@code work} as the only csumbpf command on this host that changes anything, with bpffs mounted. Leaves no
     * empty directory behind, and no mount of its own that nothing uses.
     */
    static <T> T change(Function<Scope, T> work) {
        boolean mounted = mount();
        DirectoryLock lock = null;
        while (lock == null) {
            try {
                lock = DirectoryLock.acquire(PinDirectory.ROOT, LOCK_TIMEOUT);
            } catch (UncheckedIOException e) {
                if (Bpffs.isMounted(Bpffs.DEFAULT)) {
                    throw e;
                }
                mounted |= mount(); // another command unmounted it in between
            }
        }
        Scope scope = new Scope(mounted);
        try (DirectoryLock held = lock) {
            try {
                return work.apply(scope);
            } finally {
                PinDirectory.removeIfEmpty(PinDirectory.ROOT);
            }
        } finally {
            if (scope.unmountWhenEmpty) {
                unmountIfEmpty();
            }
        }
    }

    /** Mounts bpffs if it is not; of two commands at once only one does. */
    private static boolean mount() {
        if (Bpffs.isMounted(Bpffs.DEFAULT)) {
            return false;
        }
        try (DirectoryLock lock = DirectoryLock.acquire(MOUNT_LOCK, LOCK_TIMEOUT)) {
            return Bpffs.ensureMounted(Bpffs.DEFAULT);
        }
    }

    private static void unmountIfEmpty() {
        try (DirectoryLock lock = DirectoryLock.acquire(MOUNT_LOCK, LOCK_TIMEOUT)) {
            // The kernel puts maps.debug and progs.debug into every bpffs: those are nobody's.
            if (Bpffs.isMounted(Bpffs.DEFAULT)
                    && PinDirectory.names(Bpffs.DEFAULT).stream().allMatch(name -> name.endsWith(".debug"))) {
                Bpffs.unmount(Bpffs.DEFAULT);
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            } // another command has come meanwhile: then it is in use
        }
    }

    /** Whether there is anything that csumbpf pinned. */
    static boolean exists() {
        return Bpffs.isMounted(Bpffs.DEFAULT) && Files.isDirectory(PinDirectory.ROOT);
    }

    /** The pins of all attachments: of one namespace, or of all. */
    static List<PinDirectory> attachments(Optional<NetworkNamespace> only) {
        if (!exists()) {
            return List.of();
        }
        return only.map(netns -> PinDirectory.of(netns.inode())).orElseGet(PinDirectory::all);
    }

    /** The first attachment of another interface or namespace that {@code wanted} likes. */
    static Optional<PinDirectory> other(PinDirectory self, Predicate<PinDirectory> wanted) {
        return PinDirectory.all().stream()
                .filter(pins -> !pins.equals(self) && wanted.test(pins))
                .findFirst();
    }

    private PinTree() {}
}
