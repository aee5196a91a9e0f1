// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Reads devices, qdiscs and filters of the calling thread's network namespace (NETLINK_ROUTE). */
public final class Rtnetlink {
    private static final int AF_NETLINK = 16;
    private static final int SOCK_RAW = 3;
    private static final int SOCK_CLOEXEC = 02000000;
    private static final int NETLINK_ROUTE = 0;
    private static final int RTM_GETLINK = 18;
    private static final int RTM_GETQDISC = 38;
    private static final int RTM_GETTFILTER = 46;
    private static final int NLM_F_REQUEST = 1;
    private static final int NLM_F_DUMP = 0x300;
    /** TC_H_CLSACT; a clsact or ingress qdisc hangs here. */
    private static final int PARENT_CLSACT = 0xfffffff1;

    private static final int PARENT_INGRESS = 0xfffffff2;
    private static final int PARENT_EGRESS = 0xfffffff3;
    /** The kernel fills dump datagrams up to 32 KiB. */
    private static final int BUFFER_SIZE = 1 << 16;

    private Rtnetlink() {}

    public static List<NetDevice> devices() {
        return dump(RTM_GETLINK, 16, request -> {}, "list network devices", NetlinkMessages::device);
    }

    /** @param name of the device, or one of its alternative names; the kernel keeps all of them apart */
    public static Optional<NetDevice> device(String name) {
        return devices().stream().filter(device -> device.isCalled(name)).findFirst();
    }

    public static Optional<NetDevice> device(int ifindex) {
        return devices().stream().filter(device -> device.ifindex() == ifindex).findFirst();
    }

    /** The clsact or ingress qdisc of a device; empty where there is none. */
    public static List<Qdisc> ingressQdiscs(int ifindex) {
        return dump(
                        RTM_GETQDISC,
                        20,
                        request -> request.putInt(NetlinkMessages.HEADER_SIZE + 4, ifindex),
                        "list qdiscs of ifindex " + ifindex,
                        NetlinkMessages::qdisc)
                .stream()
                .filter(qdisc -> qdisc.ifindex() == ifindex && qdisc.parent() == PARENT_CLSACT)
                .toList();
    }

    /** The filters on a device's clsact (or ingress) qdisc; empty where there is no such qdisc. */
    public static List<Filter> filters(int ifindex, boolean egress) {
        try {
            return dump(
                            RTM_GETTFILTER,
                            20,
                            request -> {
                                request.putInt(NetlinkMessages.HEADER_SIZE + 4, ifindex);
                                request.putInt(
                                        NetlinkMessages.HEADER_SIZE + 12, egress ? PARENT_EGRESS : PARENT_INGRESS);
                            },
                            "list filters of ifindex " + ifindex,
                            NetlinkMessages::filter)
                    .stream()
                    .filter(filter -> filter.handle() != 0)
                    .toList();
        } catch (KernelException e) {
            if (e.errno() == Errno.EINVAL || e.errno() == Errno.ENODEV || e.errno() == Errno.ENOENT) {
                return List.of(); // no qdisc, or no device, to hold any
            }
            throw e;
        }
    }

    private interface Body {
        void fill(ByteBuffer request);
    }

    private static <T> List<T> dump(
            int type, int bodySize, Body body, String operation, Function<NetlinkMessages.Message, Optional<T>> parse) {
        int socket =
                Libc.check(Libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "open", "netlink socket");
        try {
            int length = NetlinkMessages.HEADER_SIZE + bodySize;
            Memory request = new Memory(length);
            request.clear();
            ByteBuffer buffer = request.getByteBuffer(0, length).order(ByteOrder.nativeOrder());
            buffer.putInt(0, length);
            buffer.putShort(4, (short) type);
            buffer.putShort(6, (short) (NLM_F_REQUEST | NLM_F_DUMP));
            body.fill(buffer);
            Libc.check(Libc.send(socket, request, length, 0), operation, "(netlink)");
            List<T> results = new ArrayList<>();
            Memory datagram = new Memory(BUFFER_SIZE);
            while (true) {
                long received = Libc.recv(socket, datagram, BUFFER_SIZE, 0);
                if (received < 0 && Native.getLastError() == Errno.EINTR) {
                    continue;
                }
                Libc.check(received, operation, "(netlink)");
                ByteBuffer view = datagram.getByteBuffer(0, received).order(ByteOrder.nativeOrder());
                for (NetlinkMessages.Message message : NetlinkMessages.split(view)) {
                    if (message.type() == NetlinkMessages.NLMSG_DONE) {
                        return results;
                    }
                    if (message.type() == NetlinkMessages.NLMSG_ERROR) {
                        throw new KernelException(
                                operation, "(netlink)", -message.body().getInt(0));
                    }
                    parse.apply(message).ifPresent(results::add);
                }
            }
        } finally {
            Libc.close(socket);
        }
    }
}
