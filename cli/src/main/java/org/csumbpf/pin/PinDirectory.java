// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.PrivateDirectory;

/**
 * The directory of one attachment's pins: {@code csumbpf/<inode of the network namespace>/<ifindex>/} in the
 * bpffs. Numbers, because interfaces and namespaces can be renamed, and bpffs refuses names with a dot (eth0.100).
 *
 * @param netns inode of the network namespace
 * @param ifindex of the device
 */
public record PinDirectory(long netns, int ifindex) implements Comparable<PinDirectory> {
    private static final String ROOT = "csumbpf";
    public static final String PROGRAM = "program";
    static final String LINK = "link";
    public static final String LOOPBACK_LINK = "detour_link";
    /** Suffix of a pin that is about to replace another; only a crash leaves one. */
    private static final String REPLACEMENT = "_replacement";

    /** The directory with the pins of all attachments. */
    static Path root() {
        return Bpffs.directory().resolve(ROOT);
    }

    public static List<PinDirectory> all() {
        List<PinDirectory> all = new ArrayList<>();
        for (String name : names(root())) {
            number(name, Long.MAX_VALUE).ifPresent(netns -> all.addAll(of(netns)));
        }
        return all;
    }

    public static List<PinDirectory> of(long netns) {
        Path directory = root().resolve(Long.toString(netns));
        List<PinDirectory> all = new ArrayList<>();
        if (problem(root()).isPresent() || problem(directory).isPresent()) {
            return all;
        }
        for (String name : names(directory)) {
            number(name, Integer.MAX_VALUE)
                    .filter(ifindex -> problem(directory.resolve(name)).isEmpty())
                    .ifPresent(ifindex -> all.add(new PinDirectory(netns, ifindex.intValue())));
        }
        all.sort(null);
        return all;
    }

    /** Entries among the pins that are not ours and are left alone: a sentence for each. */
    public static List<String> ignored() {
        List<String> ignored = new ArrayList<>();
        problem(root()).ifPresentOrElse(ignored::add, () -> {
            for (String netns : names(root())) {
                if (ours(root(), netns, Long.MAX_VALUE, ignored)) {
                    names(root().resolve(netns))
                            .forEach(ifindex -> ours(root().resolve(netns), ifindex, Integer.MAX_VALUE, ignored));
                }
            }
        });
        return ignored;
    }

    private static boolean ours(Path parent, String name, long max, List<String> ignored) {
        Optional<String> problem = number(name, max).isPresent()
                ? problem(parent.resolve(name))
                : Optional.of(parent.resolve(name) + " is ignored: csumbpf did not make it");
        problem.ifPresent(ignored::add);
        return problem.isEmpty();
    }

    /** Whether csumbpf made the directory that holds all pins. */
    static boolean isRootOurs() {
        return problem(root()).isEmpty();
    }

    private static Optional<String> problem(Path directory) {
        return PrivateDirectory.check(directory);
    }

    /** A number from 1 to {@code max}, written as this class writes it. */
    private static Optional<Long> number(String name, long max) {
        try {
            long number = Long.parseLong(name);
            return number >= 1 && number <= max && Long.toString(number).equals(name)
                    ? Optional.of(number)
                    : Optional.empty();
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    public Path path() {
        return root().resolve(Long.toString(netns)).resolve(Integer.toString(ifindex));
    }

    public Path pin(String name) {
        return path().resolve(name);
    }

    public boolean has(String name) {
        return Files.exists(pin(name));
    }

    /** The names of all pins, in order. */
    public List<String> names() {
        return names(path());
    }

    public boolean exists() {
        return Files.isDirectory(path(), LinkOption.NOFOLLOW_LINKS);
    }

    /** @param root of another mount namespace, as {@code /proc/PID/root}, where the bpffs may be mounted elsewhere */
    public boolean existsBelow(Path root) {
        Path inside = Bpffs.directory().relativize(path());
        return Stream.of(Bpffs.directory(), Bpffs.DEFAULT, Bpffs.IN_CONTAINER)
                .map(bpffs -> root.resolve(bpffs.toString().substring(1)).resolve(inside))
                .anyMatch(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS));
    }

    public void create() {
        PrivateDirectory.ensure(root());
        PrivateDirectory.ensure(path().getParent());
        PrivateDirectory.ensure(path());
    }

    /** Pins in place of another pin. At each moment the name stands for the old one or the new one. */
    public void replace(String name, Consumer<Path> pinner) {
        Path replacement = pin(name + REPLACEMENT);
        run(() -> Files.deleteIfExists(replacement));
        pinner.accept(replacement);
        run(() -> Files.move(replacement, pin(name), StandardCopyOption.ATOMIC_MOVE));
    }

    public void removeReplacements() {
        for (String name : names(path())) {
            if (name.endsWith(REPLACEMENT)) {
                remove(name);
            }
        }
    }

    /** Removes empty directories: those of namespaces, and the root. */
    static void removeEmpty() {
        for (String name : names(root())) {
            Path directory = root().resolve(name);
            if (number(name, Long.MAX_VALUE).isPresent() && problem(directory).isEmpty()) {
                removeIfEmpty(directory);
            }
        }
        removeIfEmpty(root());
    }

    void remove(String name) {
        run(() -> Files.deleteIfExists(pin(name)));
    }

    /**
     * Removes all pins, {@code last} after the others, and then the directories that are empty. Directories among the
     * pins stay.
     *
     * @return what stayed
     */
    public List<Path> removeAll(String last) {
        List<Path> left = new ArrayList<>();
        for (String name : names(path())) {
            if (Files.isDirectory(pin(name), LinkOption.NOFOLLOW_LINKS)) {
                left.add(pin(name));
            } else if (!name.equals(last)) {
                remove(name);
            }
        }
        remove(last);
        removeIfEmpty(path());
        removeIfEmpty(path().getParent());
        return left;
    }

    /** Removes all pins but these. */
    public void removeAllBut(Set<String> kept) {
        for (String name : names(path())) {
            if (!kept.contains(name) && !Files.isDirectory(pin(name), LinkOption.NOFOLLOW_LINKS)) {
                remove(name);
            }
        }
    }

    /** Moves all pins to another directory, which must not exist yet, in one step. */
    public void moveTo(PinDirectory other) {
        PrivateDirectory.ensure(other.path().getParent());
        run(() -> Files.move(path(), other.path(), StandardCopyOption.ATOMIC_MOVE));
        removeIfEmpty(path().getParent());
    }

    static void removeIfEmpty(Path directory) {
        if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)
                && names(directory).isEmpty()) {
            run(() -> Files.deleteIfExists(directory));
        }
    }

    /** The names in a directory; none if the directory does not exist. */
    static List<String> names(Path directory) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        } catch (AccessDeniedException e) {
            throw new KernelException("open directory", directory.toString(), Errno.EACCES, e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        names.sort(null);
        return names;
    }

    @Override
    public int compareTo(PinDirectory other) {
        int byNamespace = Long.compare(netns, other.netns);
        return byNamespace != 0 ? byNamespace : Integer.compare(ifindex, other.ifindex);
    }

    private interface FileOperation {
        void run() throws IOException;
    }

    private static void run(FileOperation operation) {
        try {
            operation.run();
        } catch (AccessDeniedException e) {
            throw new KernelException("change pin", e.getFile(), Errno.EACCES, e);
        } catch (FileSystemException e) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED,
                    "change pin failed: " + e.getMessage(),
                    "see 'findmnt -R " + Bpffs.directory() + "'",
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Empty if the pin does not exist; throws any other error. */
    public static <T> Optional<T> absent(KernelException e) {
        if (e.errno() == Errno.ENOENT) {
            return Optional.empty();
        }
        throw e;
    }
}
