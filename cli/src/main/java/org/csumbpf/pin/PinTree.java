// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.Container;
import org.csumbpf.loader.host.DirectoryLock;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.HostChange;
import org.csumbpf.text.ShellWord;

/** The tree {@code csumbpf} in the bpffs: who may change it, and when it is made and removed. */
public final class PinTree {
    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(30);
    /** Locked for the whole host, also while there is no bpffs. */
    private static final Path LOCK = Path.of("/run/csumbpf");

    /**
     * Refuses to run in a mount namespace whose bpffs ends with the command: pins made there would be lost, and pins
     * outside would not be seen.
     *
     * @param namesNetns whether the arguments already name a network namespace
     * @param arguments the words after {@code csumbpf}, for the command that the error suggests
     */
    public static void requireLasting(boolean namesNetns, String arguments) {
        if (Bpffs.outlivesCommand(Bpffs.directory())) {
            return;
        }
        String way = "csumbpf " + arguments;
        if (!namesNetns) {
            try (NetworkNamespace current = NetworkNamespace.current()) {
                way = current.name()
                        .map(name -> "csumbpf --netns " + ShellWord.quote(name) + " " + arguments)
                        .orElse("nsenter --net=/proc/PID/ns/net csumbpf " + arguments);
            }
        }
        throw new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "this mount namespace has a /sys of its own (as under 'ip netns exec'), so pins in " + Bpffs.directory()
                        + " would end with this command",
                "run '" + way + "' outside of this mount namespace");
    }

    /** What a change of the tree can query and request. */
    public static final class Scope {
        private boolean unmountWhenEmpty;

        private Scope(boolean unmountWhenEmpty) {
            this.unmountWhenEmpty = unmountWhenEmpty;
        }

        /** Whether csumbpf mounted bpffs and no record says so. The next attachment must then record it. */
        public boolean toUnmount() {
            return unmountWhenEmpty;
        }

        /** Asks for bpffs to be unmounted at the end, if it is empty then. */
        public void unmountWhenEmpty() {
            unmountWhenEmpty = true;
        }
    }

    /**
     * Runs {@code work} as the only changing csumbpf command on this host, with bpffs mounted. Afterwards removes empty
     * directories, and its own mount if nothing uses it. Besides the host, the directory is locked, because a container
     * may have its own {@code /run} and share the bpffs.
     */
    public static <T> T change(Function<Scope, T> work) {
        try (HostLock host = HostLock.acquire(LOCK, LOCK_TIMEOUT)) {
            Scope scope = new Scope(Bpffs.ensureMounted(Bpffs.directory()) || mountedAndNotRecorded());
            try {
                if (Bpffs.isReadOnly(Bpffs.directory())) {
                    throw new AttachException(
                            AttachException.Kind.UNSUPPORTED_HOST,
                            Bpffs.directory() + " is mounted read-only, so nothing can be pinned or unpinned (EROFS)",
                            "run 'mount -o remount,rw " + Bpffs.directory() + "'");
                }
                try (DirectoryLock pins = DirectoryLock.acquire(PinDirectory.root(), LOCK_TIMEOUT)) {
                    try {
                        return work.apply(scope);
                    } finally {
                        PinDirectory.removeEmpty();
                    }
                }
            } catch (KernelException e) {
                throw confined(e).orElseThrow(() -> e);
            } finally {
                if (scope.unmountWhenEmpty) {
                    unmountIfEmpty();
                }
            }
        }
    }

    /** The same failure with its cause, if a security module refused it to a container. */
    private static Optional<AttachException> confined(KernelException e) {
        boolean isRefused = e.errno() == Errno.EACCES || e.errno() == Errno.EPERM;
        if (!isRefused || !Container.isCurrent()) {
            return Optional.empty();
        }
        return Container.confinement()
                .map(label -> new AttachException(
                        AttachException.Kind.NOT_PERMITTED,
                        e.getMessage() + ", in a container that '" + label + "' confines",
                        Bpffs.directory().equals(Bpffs.DEFAULT)
                                ? "give the container the volume " + Bpffs.DEFAULT + ":" + Bpffs.IN_CONTAINER
                                        + " instead of one on " + Bpffs.DEFAULT
                                : "install csumbpf on the host itself",
                        e));
    }

    /** A command was killed between the mount, which a first attach does first, and its record. */
    private static boolean mountedAndNotRecorded() {
        return Bpffs.isOurs(Bpffs.directory())
                && PinDirectory.all().stream()
                        .noneMatch(pins -> Reach.record(pins)
                                .filter(record -> record.changes().contains(HostChange.BPFFS))
                                .isPresent());
    }

    /** Removes what a killed command left, if nothing is attached: empty directories, a mount. */
    public static void tidy() {
        boolean left = exists() ? PinDirectory.isRootOurs() : Bpffs.isOurs(Bpffs.directory());
        if (left && !Bpffs.isReadOnly(Bpffs.directory())) {
            change(scope -> Optional.empty());
        }
    }

    /** Nothing is ever mounted elsewhere. A command on the host does it for one in a container ({@link #tidy}). */
    private static void unmountIfEmpty() {
        if (!Bpffs.directory().equals(Bpffs.DEFAULT)) {
            return;
        }
        try {
            // The kernel itself puts maps.debug and progs.debug into every bpffs.
            if (Bpffs.isMounted(Bpffs.directory())
                    && PinDirectory.names(Bpffs.directory()).stream().allMatch(name -> name.endsWith(".debug"))) {
                Bpffs.unmount(Bpffs.directory());
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.EBUSY) {
                throw e;
            } // somebody else uses it by now
        }
    }

    /**
     * Whether csumbpf has pinned anything.
     *
     * @throws KernelException EACCES: the directory may not be read
     */
    public static boolean exists() {
        if (!Bpffs.isMounted(Bpffs.directory())) {
            return false;
        }
        try {
            Files.readAttributes(PinDirectory.root(), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            throw new KernelException("open directory", PinDirectory.root().toString(), Errno.EACCES, e);
        }
    }

    /** The pins of all attachments, of one namespace or of all. */
    public static List<PinDirectory> attachments(Optional<NetworkNamespace> only) {
        if (!exists()) {
            return List.of();
        }
        return only.map(netns -> PinDirectory.of(netns.inode())).orElseGet(PinDirectory::all);
    }

    /**
     * The same, and the directories of attachments that would have pins there: all their pins are lost, but their
     * filters still run.
     */
    public static List<PinDirectory> withUnpinned(Optional<NetworkNamespace> only) {
        List<PinDirectory> all = new ArrayList<>(attachments(only));
        all.addAll(Unpinned.find(only));
        return all;
    }

    /** The first attachment of another interface or namespace that {@code wanted} accepts. */
    public static Optional<PinDirectory> other(PinDirectory self, Predicate<PinDirectory> wanted) {
        return PinDirectory.all().stream()
                .filter(pins -> !pins.equals(self) && wanted.test(pins))
                .findFirst();
    }

    private PinTree() {}
}
