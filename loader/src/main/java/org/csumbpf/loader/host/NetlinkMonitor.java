// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Waits for changes of one network namespace, that of the thread that opens the monitor: multicast groups of netlink(7).
 * It reports only what kind of thing changed. Whoever wants to know more reads it then, so that a lost message loses
 * nothing: if the kernel had no room for one (ENOBUFS), the monitor reports a change.
 */
public final class NetlinkMonitor implements AutoCloseable {
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
    private static final int POLLFD_SIZE = 8;
    private static final int POLLFD_EVENTS = 4;
    private static final int POLLFD_REVENTS = 6;
    private static final short POLLIN = 1;
    private static final int MSG_DONTWAIT = 0x40;
    /** Messages are only counted, so the rest of a long one is not needed. */
    private static final int BUFFER_SIZE = 64;
    /** Most messages that one call takes from a socket, so that a flood cannot keep it from returning. */
    private static final int MOST = 100_000;

    private final List<Subject> subjects = new ArrayList<>();
    private final int[] sockets;
    private final Memory descriptors;
    private final Memory buffer = new Memory(BUFFER_SIZE);

    private NetlinkMonitor(int count) {
        sockets = new int[count];
        descriptors = new Memory((long) POLLFD_SIZE * count);
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
        Memory address = new Memory(SOCKADDR_SIZE);
        address.clear();
        address.setShort(0, (short) Libc.AF_NETLINK);
        address.setInt(SOCKADDR_GROUPS, subject.groups);
        Libc.check(Libc.bind(socket, address, SOCKADDR_SIZE), "subscribe to changes of " + subject, "(netlink)");
        descriptors.setInt((long) POLLFD_SIZE * index, socket);
        descriptors.setShort((long) POLLFD_SIZE * index + POLLFD_EVENTS, POLLIN);
    }

    /**
     * Waits until something changes, and takes all changes that have come by then.
     *
     * @param timeoutMillis at most so long
     * @return what changed; empty: nothing did
     */
    public Set<Subject> await(int timeoutMillis) {
        Set<Subject> changed = EnumSet.noneOf(Subject.class);
        int ready = Libc.poll(descriptors, subjects.size(), timeoutMillis);
        if (ready < 0 && Native.getLastError() == Errno.EINTR) {
            return changed;
        }
        Libc.check(ready, "wait for changes", "(netlink)");
        for (int i = 0; i < subjects.size(); i++) {
            if (descriptors.getShort((long) POLLFD_SIZE * i + POLLFD_REVENTS) != 0) {
                changed.add(subjects.get(i));
                drain(sockets[i]);
            }
        }
        return changed;
    }

    private void drain(int socket) {
        for (int i = 0; i < MOST; i++) {
            if (Libc.recv(socket, buffer, BUFFER_SIZE, MSG_DONTWAIT) < 0) {
                int errno = Native.getLastError();
                if (errno == Errno.EINTR || errno == Errno.ENOBUFS) {
                    continue; // ENOBUFS: messages were lost, which is a change like any other
                }
                if (errno == Errno.EAGAIN) {
                    return;
                }
                throw new KernelException("read changes", "(netlink)", errno);
            }
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
