// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Waits for changes of one network namespace, that of the thread that opens the monitor: multicast groups of netlink(7).
 * It reports only what kind of thing changed. Whoever wants to know more reads it then, so that a lost message loses
 * nothing: if the kernel had no room for one (ENOBUFS), the monitor reports a change.
 */
public final class NetlinkMonitor implements AutoCloseable {
    /**
     * What changed.
     *
     * @param subjects empty: nothing changed
     * @param author who made the last change of nftables, or removed a qdisc or filter last, if it was another process;
     *     empty: nobody did, or the kernel does not say
     */
    public record Changes(Set<Subject> subjects, Optional<Author> author) {}

    /**
     * A process that changed something. It may have ended.
     *
     * @param subject what it changed
     * @param pid number of the process, or of one of its threads; 0: not known
     * @param name up to 15 bytes, as in /proc/PID/comm: what the process calls itself; empty: not known
     */
    public record Author(Subject subject, int pid, String name) {}

    /** What can change. */
    public enum Subject {
        /** Devices, their addresses, qdiscs and filters, and routes. */
        DEVICES(
                NETLINK_ROUTE,
                RTNLGRP_LINK,
                RTNLGRP_TC,
                RTNLGRP_IPV4_IFADDR,
                RTNLGRP_IPV4_ROUTE,
                RTNLGRP_IPV6_IFADDR,
                RTNLGRP_IPV6_ROUTE),
        /** IPsec SAs and policies. */
        IPSEC(NETLINK_XFRM, XFRMNLGRP_SA, XFRMNLGRP_POLICY),
        NFTABLES(NETLINK_NETFILTER, NFNLGRP_NFTABLES);

        private final int family;
        /** A bit for each group: nl_groups of struct sockaddr_nl. */
        private final int groups;

        Subject(int family, int... groups) {
            this.family = family;
            int bits = 0;
            for (int group : groups) {
                bits |= 1 << group - 1;
            }
            this.groups = bits;
        }
    }

    private static final int NETLINK_ROUTE = 0;
    private static final int NETLINK_XFRM = 6;
    private static final int NETLINK_NETFILTER = 12;
    private static final int RTNLGRP_LINK = 1;
    private static final int RTNLGRP_TC = 4;
    private static final int RTNLGRP_IPV4_IFADDR = 5;
    private static final int RTNLGRP_IPV4_ROUTE = 7;
    private static final int RTNLGRP_IPV6_IFADDR = 9;
    private static final int RTNLGRP_IPV6_ROUTE = 11;
    private static final int XFRMNLGRP_SA = 3;
    private static final int XFRMNLGRP_POLICY = 4;
    private static final int NFNLGRP_NFTABLES = 7;
    private static final int SOCKADDR_SIZE = 12;
    private static final int SOCKADDR_GROUPS = 8;
    private static final int RTM_DELQDISC = 37;
    private static final int RTM_DELTFILTER = 45;
    /** NFNL_SUBSYS_NFTABLES and NFT_MSG_NEWGEN: the end of a transaction. */
    private static final int NFT_NEWGEN = 10 << 8 | 15;

    private static final int NFGENMSG_SIZE = 4;
    private static final int NFTA_GEN_PROC_PID = 2;
    private static final int NFTA_GEN_PROC_NAME = 3;
    /** Enough for all of NFT_MSG_NEWGEN. Of other messages the header is enough. */
    private static final int BUFFER_SIZE = 256;
    /** Most messages that one call takes from a socket, so that a flood cannot keep it from returning. */
    private static final int MOST = 100_000;

    private final List<Subject> subjects = new ArrayList<>();
    private final int[] sockets;
    private final Memory descriptors;
    private final Memory buffer = new Memory(BUFFER_SIZE);

    private NetlinkMonitor(int count) {
        sockets = new int[count];
        descriptors = new Memory((long) Libc.POLLFD_SIZE * count);
        descriptors.clear();
    }

    /**
     * Subscribes in the calling thread's network namespace. A kernel without a subsystem has no changes of it.
     *
     * @throws KernelException a subscription is not permitted, or the kernel has no memory
     */
    public static NetlinkMonitor open() {
        NetlinkMonitor monitor = new NetlinkMonitor(Subject.values().length);
        try {
            for (Subject subject : Subject.values()) {
                monitor.subscribe(subject);
            }
            return monitor;
        } catch (RuntimeException e) {
            monitor.close();
            throw e;
        }
    }

    private void subscribe(Subject subject) {
        int socket = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, subject.family);
        if (socket < 0 && Native.getLastError() == Errno.EPROTONOSUPPORT) {
            return;
        }
        Libc.check(socket, "open", "netlink socket");
        int index = subjects.size();
        sockets[index] = socket;
        subjects.add(subject);
        try (Memory address = new Memory(SOCKADDR_SIZE)) {
            address.clear();
            address.setShort(0, (short) Libc.AF_NETLINK);
            address.setInt(SOCKADDR_GROUPS, subject.groups);
            Libc.check(Libc.bind(socket, address, SOCKADDR_SIZE), "subscribe to changes of " + subject, "(netlink)");
        }
        descriptors.setInt((long) Libc.POLLFD_SIZE * index, socket);
        descriptors.setShort((long) Libc.POLLFD_SIZE * index + Libc.POLLFD_EVENTS, Libc.POLLIN);
    }

    /**
     * Waits until something changes, and takes all changes that have come by then.
     *
     * @param timeoutMillis at most so long; -1: without a limit
     */
    public Changes await(int timeoutMillis) {
        Set<Subject> changed = EnumSet.noneOf(Subject.class);
        int ready = Libc.poll(descriptors, subjects.size(), timeoutMillis);
        if (ready < 0 && Native.getLastError() == Errno.EINTR) {
            return new Changes(changed, Optional.empty());
        }
        Libc.check(ready, "wait for changes", "(netlink)");
        Optional<Author> author = Optional.empty();
        for (int i = 0; i < subjects.size(); i++) {
            if (descriptors.getShort((long) Libc.POLLFD_SIZE * i + Libc.POLLFD_REVENTS) != 0) {
                changed.add(subjects.get(i));
                Optional<Author> last = drain(sockets[i]);
                author = last.isPresent() ? last : author;
            }
        }
        return new Changes(changed, author);
    }

    /** Returns who made the last change, if another process did and the kernel says so. */
    private Optional<Author> drain(int socket) {
        Optional<Author> author = Optional.empty();
        for (int i = 0; i < MOST; i++) {
            long length = Libc.recv(socket, buffer, BUFFER_SIZE, Libc.MSG_DONTWAIT);
            if (length >= NetlinkMessages.HEADER_SIZE) {
                Optional<Author> last = author(
                        buffer.getByteBuffer(0, Math.min(length, BUFFER_SIZE)).order(ByteOrder.nativeOrder()));
                author = last.isPresent() ? last : author;
            } else if (length < 0) {
                int errno = Native.getLastError();
                if (errno == Errno.EAGAIN) {
                    break;
                }
                // ENOBUFS: messages were lost, which is a change like any other
                if (errno != Errno.EINTR && errno != Errno.ENOBUFS) {
                    throw new KernelException("read changes", "(netlink)", errno);
                }
            }
        }
        return author;
    }

    private static Optional<Author> author(ByteBuffer message) {
        return switch (Short.toUnsignedInt(message.getShort(NetlinkMessages.HEADER_TYPE))) {
            case NFT_NEWGEN -> {
                Map<Integer, ByteBuffer> attributes =
                        NetlinkMessages.attributes(message, NetlinkMessages.HEADER_SIZE + NFGENMSG_SIZE);
                ByteBuffer pid = attributes.get(NFTA_GEN_PROC_PID);
                yield pid == null || pid.limit() < Integer.BYTES
                        ? Optional.empty()
                        : other(
                                Subject.NFTABLES,
                                pid.order(ByteOrder.BIG_ENDIAN).getInt(0),
                                Optional.ofNullable(attributes.get(NFTA_GEN_PROC_NAME))
                                        .map(NetlinkMessages::text)
                                        .orElse(""));
            }
            // The kernel gives a netlink socket the number of its process as port, unless that is taken.
            case RTM_DELQDISC, RTM_DELTFILTER ->
                other(Subject.DEVICES, message.getInt(NetlinkMessages.HEADER_PORT), "");
            default -> Optional.empty();
        };
    }

    private static Optional<Author> other(Subject subject, int pid, String name) {
        if (!NamespaceSearch.seesAllProcesses()) {
            return otherUnseen(subject, name);
        }
        boolean own = pid == ProcessHandle.current().pid() || Files.exists(Path.of("/proc/self/task/" + pid));
        return pid <= 0 || own
                ? Optional.empty()
                : Optional.of(new Author(subject, pid, name.isEmpty() ? comm(pid) : name));
    }

    /** In a container the numbers of processes are others than the kernel's, or of another container's. Names are left. */
    private static Optional<Author> otherUnseen(Subject subject, String name) {
        // A thread that worked in another network namespace may have ended.
        return name.isEmpty()
                        || name.startsWith(NetworkNamespace.THREAD_NAME)
                        || ownNames().contains(name)
                ? Optional.empty()
                : Optional.of(new Author(subject, 0, name));
    }

    /** The names of this process' threads, as in /proc/PID/comm. */
    private static Set<String> ownNames() {
        Set<String> names = new HashSet<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path thread : threads) {
                names.add(comm(thread));
            }
        } catch (IOException | DirectoryIteratorException e) {
            // Then a change of our own may be taken for another's.
        }
        return names;
    }

    private static String comm(int pid) {
        return comm(Path.of("/proc/" + pid));
    }

    private static String comm(Path process) {
        try {
            return Files.readString(process.resolve("comm"), StandardCharsets.ISO_8859_1)
                    .strip();
        } catch (IOException e) {
            return ""; // it has ended
        }
    }

    @Override
    public void close() {
        for (int i = 0; i < subjects.size(); i++) {
            Libc.close(sockets[i]);
        }
        subjects.clear();
    }
}
