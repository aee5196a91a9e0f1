// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A local UDP port, with all sockets of IPv4 and IPv6 that are bound to it.
 *
 * @param port in host order
 * @param drops datagrams that the sockets which are open now have dropped
 * @param holder whose the sockets are
 */
public record UdpPort(int port, long drops, Holder holder) {
    /**
     * Who has the sockets. /proc/net/udp does not tell: a tunnel device's socket has an inode as any other, and the uid of
     * who set the device up, which need not be 0. Nor does NETLINK_SOCK_DIAG: only IP_MULTICAST_LOOP is off, which a
     * process may want too. What tells is that no process has a descriptor of the inode (measured on kernel 6.18). A
     * socket that is on its way from one process to another, or that only io_uring or a thread without
     * CLONE_FILES has, looks like the kernel's.
     */
    public enum Holder {
        /** A process has a descriptor of at least one of the sockets. */
        PROCESS,
        /** No process has: they are the sockets of tunnel devices. A device that is down has none. */
        KERNEL,
        /**
         * No process that is visible has, but there may be others: this one is in a PID namespace of its own, or may not
         * read the descriptors of all.
         */
        UNKNOWN
    }

    private static final String SOCKET = "socket:[";

    /**
     * The ports of the calling thread's network namespace. Reads the links of all descriptors of all processes, until
     * each socket is found; those of tunnel devices never are.
     */
    public static Map<Integer, UdpPort> all() {
        List<UdpSocket> sockets = UdpSocket.parse(UdpSocket.lines());
        Set<Long> missing = new HashSet<>();
        sockets.forEach(socket -> missing.add(socket.inode()));
        missing.remove(0L);
        Set<Long> ofProcesses = new HashSet<>(missing);
        boolean complete = seek(Path.of("/proc"), missing) && NamespaceSearch.seesAllProcesses();
        ofProcesses.removeAll(missing);
        return of(sockets, ofProcesses, complete);
    }

    /**
     * @param ofProcesses inodes of which a process has a descriptor
     * @param complete whether no other process can have one
     */
    static Map<Integer, UdpPort> of(List<UdpSocket> sockets, Set<Long> ofProcesses, boolean complete) {
        Map<Integer, UdpPort> ports = new TreeMap<>();
        for (UdpSocket socket : sockets) {
            Holder others = complete ? Holder.KERNEL : Holder.UNKNOWN;
            Holder holder = ofProcesses.contains(socket.inode()) ? Holder.PROCESS : others;
            ports.merge(
                    socket.port(),
                    new UdpPort(socket.port(), socket.drops(), holder),
                    (one, other) -> new UdpPort(
                            one.port(),
                            one.drops() + other.drops(),
                            one.holder() == Holder.PROCESS ? Holder.PROCESS : other.holder()));
        }
        return ports;
    }

    /**
     * Removes from {@code missing} the inodes of which a process has a descriptor.
     *
     * @return false: not all descriptors could be read
     */
    static boolean seek(Path proc, Set<Long> missing) {
        boolean complete = Files.exists(proc.resolve("1")); // /proc may hide the processes of other users
        for (Path process : NetworkNamespace.entries(proc)) {
            if (missing.isEmpty()) {
                return complete;
            }
            if (!Character.isDigit(process.getFileName().toString().charAt(0))) {
                continue;
            }
            try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
                for (Path descriptor : descriptors) {
                    missing.remove(inode(descriptor));
                }
            } catch (IOException | DirectoryIteratorException e) {
                // Another error: the process has ended, or the descriptor was closed.
                complete &= !(e instanceof AccessDeniedException);
            }
        }
        return complete;
    }

    /** 0: the descriptor is no socket's, or was closed. */
    private static long inode(Path descriptor) throws AccessDeniedException {
        try {
            String target = Files.readSymbolicLink(descriptor).toString();
            return target.startsWith(SOCKET) && target.endsWith("]")
                    ? NetStatistics.number(target.substring(SOCKET.length(), target.length() - 1), 10)
                            .orElse(0)
                    : 0;
        } catch (AccessDeniedException e) {
            throw e;
        } catch (IOException e) {
            return 0;
        }
    }
}
