// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** A network namespace in which work can be done. It is held until this object is closed. */
public final class NetworkNamespace implements AutoCloseable {
    static final Path NAMED = Path.of("/run/netns");
    static final Path DOCKER = Path.of("/run/docker/netns");
    /** How the names of threads begin that work in another namespace. */
    static final String THREAD_NAME = "netns-";

    private static final Path THREAD = Path.of("/proc/thread-self/ns/net");
    static final Path SELF = Path.of("/proc/self/ns/net");
    private static final int CLONE_NEWNET = 0x40000000;
    private static final long NSFS_MAGIC = 0x6e736673;
    private static final int STATFS_SIZE = 256;
    /** Of socket(7), kernel 5.14; the same on all 64-bit machines that this project knows. */
    private static final int SO_NETNS_COOKIE = 71;

    private static final int ENOPROTOOPT = 92;

    /** ioctl_ns(2): returns the CLONE_NEW* constant of the namespace that a descriptor refers to (kernel 4.11). */
    private static final long NS_GET_NSTYPE = 0xb703;

    private final int fd;
    private final long inode;
    private final String path;

    static {
        // The JDK creates a Unix socket with its first file channel, and keeps the socket, which holds the namespace in
        // which it was created. This forces that socket to be created in our own namespace, not inside a call().
        try (FileChannel first = FileChannel.open(SELF)) {
            first.position();
        } catch (IOException e) {
            // No such file: the kernel has no namespaces.
        }
    }

    private NetworkNamespace(int fd, long inode, String path) {
        this.fd = fd;
        this.inode = inode;
        this.path = path;
    }

    /** The namespace of this process. */
    public static NetworkNamespace current() {
        return open(SELF)
                .orElseThrow(() ->
                        new NoSuchNamespaceException("the kernel has no network namespaces (no " + SELF + ")", null));
    }

    /** The namespace that the calling thread is in: that of the {@link #call} around it. */
    public static NetworkNamespace ofThread() {
        return open(THREAD)
                .orElseThrow(() ->
                        new NoSuchNamespaceException("the kernel has no network namespaces (no " + THREAD + ")", null));
    }

    /**
     * A namespace by its name in {@code ip netns}, or by a path if there is a slash in it. Nothing but a namespace is
     * ever opened: opening a FIFO would wait for a writer, and opening a device may do anything.
     *
     * @throws NoSuchNamespaceException there is none
     */
    public static NetworkNamespace named(String nameOrPath) {
        Path path;
        try {
            path = nameOrPath.indexOf('/') >= 0 ? Path.of(nameOrPath) : NAMED.resolve(nameOrPath);
        } catch (InvalidPathException e) {
            throw new NoSuchNamespaceException(
                    "no network namespace " + nameOrPath + ": this locale cannot encode the name",
                    "see 'ip netns list', or set LC_ALL=C.UTF-8");
        }
        return open(path)
                .orElseThrow(() -> new NoSuchNamespaceException(
                        "no network namespace " + nameOrPath
                                + (Files.exists(path) ? " (" + path + " is not a network namespace)" : ""),
                        "see 'ip netns list'"));
    }

    /**
     * The namespace with that inode, wherever it is held: see {@link NamespaceSearch}. Empty: not found, which does not
     * mean that it is gone.
     */
    public static Optional<NetworkNamespace> byInode(long inode) {
        return NamespaceSearch.find(inode).namespace();
    }

    /** The inode that {@code ls -iL /proc/self/ns/net} shows. The kernel reuses it once the namespace is gone. */
    public long inode() {
        return inode;
    }

    /** A number that no other namespace gets before the host reboots (SO_NETNS_COOKIE). Empty before kernel 5.14. */
    public OptionalLong cookie() {
        return call(NetworkNamespace::cookieOfThread);
    }

    /** What {@code --netns} accepts for the namespace: its name in {@code ip netns}, else the path it was found by. */
    public String reference() {
        return name().orElse(path);
    }

    /** The namespace's name in {@code ip netns}. */
    public Optional<String> name() {
        return entries(NAMED).stream()
                .filter(path -> inode(path) == inode)
                .map(path -> path.getFileName().toString())
                .findFirst();
    }

    /** All names in {@code ip netns}. */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        for (Path path : entries(NAMED)) {
            names.add(path.getFileName().toString());
        }
        return names;
    }

    /**
     * What a program prints that runs in the namespace, with its errors among it; empty: it cannot be run, failed, or did
     * not end in time and was killed.
     *
     * @param failing whether the output of a program that failed counts, too
     */
    public Optional<String> output(List<String> command, Duration timeout, boolean failing) {
        List<String> inside = new ArrayList<>();
        if (!isCurrent()) {
            // A program that is started has no thread to enter the namespace with.
            inside.addAll(
                    List.of("nsenter", "--net=/proc/" + ProcessHandle.current().pid() + "/fd/" + fd, "--"));
        }
        inside.addAll(command);
        try {
            BoundedProcess.ProcessResult result = BoundedProcess.run(inside, timeout);
            return result.ended() && (failing || result.code() == 0) ? Optional.of(result.output()) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    /** Paths of the namespaces of 'ip netns' and Docker. {@link NamespaceSearch} finds others too, but costs more. */
    public static List<String> likely() {
        List<String> paths = new ArrayList<>();
        for (Path directory : List.of(NAMED, DOCKER)) {
            entries(directory).forEach(path -> paths.add(path.toString()));
        }
        return paths;
    }

    /**
     * The number by which the namespace that the calling thread has entered knows this one (RTM_GETNSID). A device that
     * was made here and moved there has it as {@link DeviceDetails#lowerNetns}, once it was read.
     *
     * @return -1: it has none
     */
    public int idHere() {
        return Rtnetlink.netnsId(fd);
    }

    /** Whether the namespace is this process' own. */
    public boolean isCurrent() {
        return inode(SELF) == inode;
    }

    /** Runs {@code work} in the namespace, on a new thread if the calling one is in another namespace. */
    public <T> T call(Callable<T> work) {
        AtomicReference<T> result = new AtomicReference<>();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        if (inode(THREAD) == inode) {
            attempt(work, result, failure);
        } else {
            // A new thread, because one that has entered a namespace must do nothing else afterwards.
            Thread thread = new Thread(
                    () -> attempt(
                            () -> {
                                enter(fd, inode);
                                return work.call();
                            },
                            result,
                            failure),
                    THREAD_NAME + inode);
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
     * Starts a process in this process' own namespace, even inside a {@link #call}. The JVM starts a thread that waits
     * for the process and lives on for a minute. Inside a call, that thread would inherit the namespace and hold it.
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
        } catch (Throwable e) { // an Error too: call() throws it on the caller's thread
            failure.set(e);
        }
    }

    @Override
    public void close() {
        Libc.close(fd);
    }

    /** The cookie of the calling thread's namespace: see {@link #cookie}. */
    public static OptionalLong cookieOfThread() {
        int socket = Libc.check(
                Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0), "open", "netlink socket");
        try (Memory value = new Memory(Long.BYTES);
                Memory length = new Memory(Integer.BYTES)) {
            length.setInt(0, Long.BYTES);
            if (Libc.getsockopt(socket, Libc.SOL_SOCKET, SO_NETNS_COOKIE, value, length) < 0) {
                int errno = Native.getLastError();
                if (errno == ENOPROTOOPT) {
                    return OptionalLong.empty();
                }
                throw new KernelException("read SO_NETNS_COOKIE of", "netlink socket", errno);
            }
            return OptionalLong.of(value.getLong(0));
        } finally {
            Libc.close(socket);
        }
    }

    /** Empty: there is no such file, or it is not a network namespace. */
    static Optional<NetworkNamespace> open(Path path) {
        return open(bytes(path), path.toString());
    }

    /**
     * @param path ends with a zero byte
     * @param text the same path, as far as it is text
     */
    static Optional<NetworkNamespace> open(byte[] path, String text) {
        int handle = Libc.open(path, Libc.O_PATH | Libc.O_CLOEXEC);
        if (handle < 0) {
            int errno = Native.getLastError();
            if (errno == Errno.EACCES || errno == Errno.EPERM) {
                throw new KernelException("open network namespace", text, errno);
            }
            return Optional.empty();
        }
        try {
            String same = "/proc/self/fd/" + handle;
            if (!isNsfs(same)) {
                return Optional.empty();
            }
            int fd = Libc.open(same, Libc.O_RDONLY | Libc.O_CLOEXEC);
            if (fd < 0) {
                throw new KernelException("open network namespace", text, Native.getLastError());
            }
            if (Libc.ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) {
                Libc.close(fd);
                return Optional.empty();
            }
            return Optional.of(new NetworkNamespace(fd, inode(Path.of(same)), text));
        } finally {
            Libc.close(handle);
        }
    }

    private static boolean isNsfs(String path) {
        try (Memory result = new Memory(STATFS_SIZE)) {
            return Libc.statfs(path, result) == 0 && result.getLong(0) == NSFS_MAGIC;
        }
    }

    /** The path's bytes and a zero byte. The text may lack bytes: the JDK replaces what it cannot decode by U+FFFD. */
    static byte[] bytes(Path path) {
        String text = path.toString();
        if (text.indexOf('\ufffd') < 0) {
            return (text + '\0').getBytes(Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8")));
        }
        String encoded = path.toAbsolutePath().toUri().getRawPath();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < encoded.length(); i++) {
            if (encoded.charAt(i) == '%') {
                bytes.write(Integer.parseInt(encoded, i + 1, i + 3, 16));
                i += 2;
            } else {
                bytes.write(encoded.charAt(i));
            }
        }
        bytes.write(0);
        return bytes.toByteArray();
    }

    /** 0: the path does not exist or must not be read. */
    static long inode(Path path) {
        try {
            return (Long) Files.getAttribute(path, "unix:ino");
        } catch (IOException e) {
            return 0;
        }
    }

    static List<Path> entries(Path directory) {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            stream.forEach(entries::add);
        } catch (IOException e) {
            return List.of();
        }
        return entries;
    }
}
