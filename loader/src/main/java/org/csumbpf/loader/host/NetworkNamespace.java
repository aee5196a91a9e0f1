// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;

/** A network namespace, held open, that work can be done in. */
public final class NetworkNamespace implements AutoCloseable {
    private static final Path NAMED = Path.of("/run/netns");
    private static final Path DOCKER = Path.of("/var/run/docker/netns");
    private static final Path THREAD = Path.of("/proc/thread-self/ns/net");
    private static final Path SELF = Path.of("/proc/self/ns/net");
    private static final int CLONE_NEWNET = 0x40000000;
    /** ioctl_ns(2): answers the CLONE_NEW* constant of the namespace behind a descriptor (kernel 4.11). */
    private static final long NS_GET_NSTYPE = 0xb703;

    private final int fd;
    private final long inode;

    static {
        // The JDK makes a Unix socket when it opens its first file channel, and keeps it; a socket holds the namespace
        // that
        // it was made in. So that it is not one that somebody enters by call():
        try (FileChannel first = FileChannel.open(SELF)) {
            first.position();
        } catch (IOException e) {
            // No such file: then there are no namespaces either.
        }
    }

    private NetworkNamespace(int fd, long inode) {
        this.fd = fd;
        this.inode = inode;
    }

    /** The namespace of this process. */
    public static NetworkNamespace current() {
        return open(SELF)
                .orElseThrow(
                        () -> new NoSuchNamespaceException("the kernel has no network namespaces (no " + SELF + ")"));
    }

    /**
     * A namespace by the name that {@code ip netns} gave it, or by a path if there is a slash in it.
     *
     * @throws NoSuchNamespaceException where there is none
     */
    public static NetworkNamespace named(String nameOrPath) {
        Path path = nameOrPath.indexOf('/') >= 0 ? Path.of(nameOrPath) : NAMED.resolve(nameOrPath);
        return open(path)
                .orElseThrow(() -> new NoSuchNamespaceException("no network namespace " + nameOrPath
                        + (Files.exists(path) ? " (" + path + " is something else)" : "") + "; see 'ip netns list'"));
    }

    /** The namespace with that inode: looked for at names and in processes. Empty: nothing holds it any more. */
    public static Optional<NetworkNamespace> byInode(long inode) {
        if (inode(SELF) == inode) {
            return Optional.of(current());
        }
        for (Path directory : List.of(NAMED, DOCKER)) {
            for (Path path : entries(directory)) {
                if (inode(path) == inode) {
                    return open(path);
                }
            }
        }
        for (Path process : entries(Path.of("/proc"))) {
            if (Character.isDigit(process.getFileName().toString().charAt(0))) {
                Path path = process.resolve("ns/net");
                if (inode(path) == inode) {
                    return open(path);
                }
            }
        }
        return Optional.empty();
    }

    /** As {@code ls -iL /proc/self/ns/net} shows it. The kernel uses a number again once its namespace is gone. */
    public long inode() {
        return inode;
    }

    /** The name that {@code ip netns} knows it by. */
    public Optional<String> name() {
        return entries(NAMED).stream()
                .filter(path -> inode(path) == inode)
                .map(path -> path.getFileName().toString())
                .findFirst();
    }

    /** Whether it is this process' own. */
    public boolean isCurrent() {
        return inode(SELF) == inode;
    }

    /** Runs {@code work} in the namespace, on a thread of its own if it is not this process' own. */
    public <T> T call(Callable<T> work) {
        AtomicReference<T> result = new AtomicReference<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        if (isCurrent()) {
            attempt(work, result, failure);
        } else {
            // A thread that has entered a namespace must not serve anybody else.
            Thread thread = new Thread(
                    () -> attempt(
                            () -> {
                                enter(fd, inode);
                                return work.call();
                            },
                            result,
                            failure),
                    "netns-" + inode);
            thread.start();
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
        if (failure.get() instanceof RuntimeException e) {
            throw e;
        }
        if (failure.get() instanceof Error e) {
            throw e;
        }
        if (failure.get() != null) {
            throw new IllegalStateException(failure.get());
        }
        return result.get();
    }

    /**
     * Starts a process from this process' own namespace, also where the caller is inside a {@link #call}. The JVM starts a
     * thread to wait for it, which lives on for a minute: it would inherit the caller's namespace and hold it.
     */
    static Process start(ProcessBuilder builder) throws IOException {
        if (inode(THREAD) == inode(SELF)) {
            return builder.start();
        }
        int inside =
                Libc.check(Libc.open(THREAD.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC), "open", THREAD.toString());
        try (NetworkNamespace own = current()) {
            long inode = inode(THREAD);
            enter(own.fd, own.inode);
            try {
                return builder.start();
            } finally {
                enter(inside, inode);
            }
        } finally {
            Libc.close(inside);
        }
    }

    private static void enter(int fd, long inode) {
        Libc.check(Libc.setns(fd, CLONE_NEWNET), "enter network namespace", "inode " + inode);
    }

    private static <T> void attempt(Callable<T> work, AtomicReference<T> result, AtomicReference<Throwable> failure) {
        try {
            result.set(work.call());
        } catch (Throwable e) { // an Error too: it must not end with the thread
            failure.set(e);
        }
    }

    @Override
    public void close() {
        Libc.close(fd);
    }

    private static Optional<NetworkNamespace> open(Path path) {
        int fd = Libc.open(path.toString(), Libc.O_RDONLY | Libc.O_CLOEXEC);
        if (fd < 0) {
            return Optional.empty();
        }
        if (Libc.ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
            Libc.close(fd);
            return Optional.empty();
        }
        return Optional.of(new NetworkNamespace(fd, inode(Path.of("/proc/self/fd/" + fd))));
    }

    /** 0 where the path does not exist or must not be read. */
    private static long inode(Path path) {
        try {
            return (Long) Files.getAttribute(path, "unix:ino");
        } catch (IOException e) {
            return 0;
        }
    }

    private static List<Path> entries(Path directory) {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            stream.forEach(entries::add);
        } catch (IOException e) {
            return List.of();
        }
        return entries;
    }
}
