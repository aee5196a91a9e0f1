// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongPredicate;
import java.util.function.Predicate;
import org.csumbpf.loader.KernelException;

/**
 * Searches for a network namespace in everything visible that can hold one: this process, {@code /run/netns}, {@code
 * /run/docker/netns}, processes, mount tables (a namespace may be bind-mounted anywhere), threads, descriptors.
 *
 * <p>Not found does not mean gone: a socket alone can hold a namespace, and so can a descriptor on its way from one
 * process to another.
 */
public final class NamespaceSearch {
    private static final Path PROC = Path.of("/proc");
    /** PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h. In this namespace all processes are visible. */
    private static final long INITIAL_PID_NAMESPACE = 0xeffffffcL;

    /** Whether a namespace with this inode is worth opening. */
    private final LongPredicate candidate;

    private final Predicate<NetworkNamespace> wanted;
    /** Whether one inode is searched. Otherwise a descriptor is skipped if its link does not name a namespace. */
    private final boolean byInode;

    private boolean complete = seesAllProcesses();

    private boolean untested;

    private NamespaceSearch(LongPredicate candidate, Predicate<NetworkNamespace> wanted, boolean byInode) {
        this.candidate = candidate;
        this.wanted = wanted;
        this.byInode = byInode;
    }

    /** Whether the process is in the first PID namespace, in which it sees all others and each has the kernel's number. */
    static boolean seesAllProcesses() {
        return NetworkNamespace.inode(Path.of("/proc/self/ns/pid")) == INITIAL_PID_NAMESPACE;
    }

    /**
     * The result of a search.
     *
     * @param namespace open; the caller closes it
     * @param complete nothing was hidden from the search, by a missing right or by a PID namespace
     * @param untested a namespace was found that could not be opened or entered, so it may be the wanted one
     */
    public record SearchResult(Optional<NetworkNamespace> namespace, boolean complete, boolean untested) {}

    /** Finds the namespace with this inode. Searches the likely ones first, because they cost little. */
    public static SearchResult find(long inode) {
        NamespaceSearch search =
                new NamespaceSearch(number -> number == inode, namespace -> namespace.inode() == inode, true);
        return new SearchResult(search.run(), search.complete, search.untested);
    }

    /** Finds the first namespace that {@code wanted} accepts. Each namespace is tested once. */
    public static SearchResult first(Predicate<NetworkNamespace> wanted) {
        Set<Long> seen = new HashSet<>();
        NamespaceSearch search = new NamespaceSearch(
                number -> !seen.contains(number),
                namespace -> seen.add(namespace.inode()) && wanted.test(namespace),
                false);
        return new SearchResult(search.run(), search.complete, search.untested);
    }

    /** Calls {@code visitor} once with each namespace. One that may not be opened or entered is left out. */
    public static void each(Consumer<NetworkNamespace> visitor) {
        first(namespace -> {
            visitor.accept(namespace);
            return false;
        });
    }

    private Optional<NetworkNamespace> run() {
        Optional<NetworkNamespace> own = at(NetworkNamespace.SELF);
        if (own.isPresent()) {
            return own;
        }
        for (Path directory : List.of(NetworkNamespace.NAMED, NetworkNamespace.DOCKER)) {
            for (Path path : NetworkNamespace.entries(directory)) {
                Optional<NetworkNamespace> found = at(path);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        List<Path> processes = NetworkNamespace.entries(PROC).stream()
                .filter(path -> Character.isDigit(path.getFileName().toString().charAt(0)))
                .toList();
        Set<Long> mountNamespaces = new HashSet<>();
        List<Function<Path, Optional<NetworkNamespace>>> sources = List.of(
                process -> at(process.resolve("ns/net")),
                process -> mounted(process, mountNamespaces),
                process -> any(process.resolve("task"), task -> at(task.resolve("ns/net"))),
                process -> any(process.resolve("fd"), descriptor -> descriptor(process, descriptor)));
        for (Function<Path, Optional<NetworkNamespace>> source : sources) {
            for (Path process : processes) {
                Optional<NetworkNamespace> found = source.apply(process);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    private Optional<NetworkNamespace> any(Path directory, Function<Path, Optional<NetworkNamespace>> source) {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                Optional<NetworkNamespace> found = source.apply(entry);
                if (found.isPresent()) {
                    return found;
                }
            }
        } catch (IOException e) {
            missed(e);
        }
        return Optional.empty();
    }

    private Optional<NetworkNamespace> at(Path path) {
        try {
            return candidate.test((Long) Files.getAttribute(path, "unix:ino")) ? opened(path) : Optional.empty();
        } catch (IOException e) {
            missed(e);
            return Optional.empty();
        }
    }

    /** Empty also if the inode is not a network namespace's: reused by now, or that of another file system. */
    private Optional<NetworkNamespace> opened(Path path) {
        return opened(NetworkNamespace.bytes(path), path.toString());
    }

    private Optional<NetworkNamespace> opened(byte[] path, String text) {
        try {
            return matching(NetworkNamespace.open(path, text));
        } catch (KernelException e) {
            complete = false;
            untested = true;
            return Optional.empty();
        }
    }

    private Optional<NetworkNamespace> matching(Optional<NetworkNamespace> found) {
        boolean matches = false;
        try {
            matches = found.isPresent() && wanted.test(found.get());
        } finally {
            if (!matches) {
                found.ifPresent(NetworkNamespace::close);
            }
        }
        return matches ? found : Optional.empty();
    }

    /** Searches the process' mount namespace, unless an earlier process was in it. */
    private Optional<NetworkNamespace> mounted(Path process, Set<Long> seen) {
        try {
            if (!seen.add((Long) Files.getAttribute(process.resolve("ns/mnt"), "unix:ino"))) {
                return Optional.empty();
            }
            String mountinfo = Files.readString(process.resolve("mountinfo"), StandardCharsets.ISO_8859_1);
            boolean own = NetworkNamespace.inode(Path.of("/proc/self/ns/mnt"))
                    == NetworkNamespace.inode(process.resolve("ns/mnt"));
            for (byte[] target : mountPoints(mountinfo, candidate)) {
                ByteArrayOutputStream path = new ByteArrayOutputStream();
                path.writeBytes(own ? new byte[0] : (process + "/root").getBytes(StandardCharsets.US_ASCII));
                path.writeBytes(target);
                String text = path.toString(StandardCharsets.UTF_8);
                path.write(0);
                Optional<NetworkNamespace> found = opened(path.toByteArray(), text);
                if (found.isPresent()) {
                    return found;
                }
            }
        } catch (IOException e) {
            missed(e);
        }
        return Optional.empty();
    }

    /**
     * The mount points, as bytes, of candidate network namespaces in the text of a mountinfo file (proc(5)).
     *
     * @param mountinfo each char a byte
     */
    static List<byte[]> mountPoints(String mountinfo, LongPredicate candidate) {
        List<byte[]> points = new ArrayList<>();
        for (String line : mountinfo.split("\n")) {
            // 36 35 0:4 net:[4026531840] /mount/point options [optional fields] - type source super-options
            String[] fields = line.split(" ");
            if (fields.length > 4 && inode(fields[3]).filter(candidate::test).isPresent()) {
                points.add(unescaped(fields[4]));
            }
        }
        return points;
    }

    /** The inode in {@code net:[4026531840]}; empty if the text is not a network namespace's. */
    private static Optional<Long> inode(String text) {
        if (!text.startsWith("net:[") || !text.endsWith("]")) {
            return Optional.empty();
        }
        try {
            return Optional.of(Long.parseLong(text, 5, text.length() - 1, 10));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Undoes the kernel's escapes: space, tab, newline and backslash are a backslash and three octal digits. */
    private static byte[] unescaped(String field) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < field.length(); i++) {
            if (field.charAt(i) == '\\' && i + 3 < field.length()) {
                bytes.write(Integer.parseInt(field, i + 1, i + 4, 8));
                i += 3;
            } else {
                bytes.write(field.charAt(i));
            }
        }
        return bytes.toByteArray();
    }

    /**
     * The link of a bind mount's descriptor names the mount's path, not the namespace. Then the inode in fdinfo (kernel
     * 5.14) decides; a stat of the file itself could wait for the server of a network file system.
     */
    private Optional<NetworkNamespace> descriptor(Path process, Path descriptor) {
        try {
            String target = Files.readSymbolicLink(descriptor).toString();
            Optional<Long> named = inode(target);
            if (named.isPresent()) {
                return candidate.test(named.get()) ? opened(descriptor) : Optional.empty();
            }
            if (!byInode || !target.startsWith("/") || target.startsWith("/dev/")) {
                return Optional.empty();
            }
            Path info = process.resolve("fdinfo").resolve(descriptor.getFileName());
            Optional<String> number = Files.readAllLines(info, StandardCharsets.ISO_8859_1).stream()
                    .filter(line -> line.startsWith("ino:"))
                    .map(line -> line.substring("ino:".length()).strip())
                    .findFirst();
            if (number.isPresent()) {
                return candidate.test(Long.parseLong(number.get())) ? opened(descriptor) : Optional.empty();
            }
            return at(descriptor);
        } catch (IOException e) {
            missed(e);
            return Optional.empty();
        }
    }

    /** Only a missing right makes the search incomplete; a process that has ended holds nothing. */
    private void missed(IOException e) {
        if (e instanceof AccessDeniedException) {
            complete = false;
        }
    }
}
