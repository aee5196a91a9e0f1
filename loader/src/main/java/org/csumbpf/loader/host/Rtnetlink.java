// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Reads devices, addresses, qdiscs and filters of the calling thread's network namespace (NETLINK_ROUTE). */
public final class Rtnetlink {
    private static final int NETLINK_ROUTE = 0;
    private static final int RTM_GETLINK = 18;
    private static final int RTM_GETADDR = 22;
    private static final int RTM_GETNEIGH = 30;
    private static final int RTM_GETNSID = 90;
    private static final int NETNSA_FD = 3;
    private static final int AF_BRIDGE = 7;
    private static final int RTM_GETROUTE = 26;
    private static final int ATTRIBUTE_HEADER = 4;
    private static final int RTA_DST = 1;
    private static final int RTM_GETQDISC = 38;
    private static final int RTM_GETTFILTER = 46;
    /** TC_H_CLSACT: the parent of a clsact or ingress qdisc. */
    private static final int PARENT_CLSACT = 0xfffffff1;

    private static final int PARENT_INGRESS = 0xfffffff2;
    private static final int PARENT_EGRESS = 0xfffffff3;

    private Rtnetlink() {}

    public static List<NetDevice> devices() {
        return dump(RTM_GETLINK, 16, request -> {}, "list network devices", NetlinkMessages::device);
    }

    /**
     * A device by one of its names. If several devices match, the one whose IFLA_IFNAME is equal to the name.
     *
     * @param name as {@link InterfaceName} writes it, or as the JVM decoded a command's argument
     */
    public static Optional<NetDevice> device(String name) {
        List<NetDevice> likely =
                devices().stream().filter(device -> device.isCalled(name)).toList();
        return likely.stream()
                .filter(device -> likely.size() == 1 || device.name().equals(name))
                .findFirst();
    }

    public static Optional<NetDevice> device(int ifindex) {
        return devices().stream().filter(device -> device.ifindex() == ifindex).findFirst();
    }

    /** The IPv4 and IPv6 addresses of all devices. */
    public static List<DeviceAddress> addresses() {
        return dump(RTM_GETADDR, 8, request -> {}, "list addresses", NetlinkMessages::address);
    }

    /** The ifindex of the device by which packets to the address leave, as 'ip route get' shows it; empty: there is no route. */
    public static Optional<Integer> routeTo(InetAddress address) {
        byte[] bytes = address.getAddress();
        try {
            return Netlink.exchange(
                            NETLINK_ROUTE,
                            RTM_GETROUTE,
                            Netlink.ONE_DATAGRAM,
                            NetlinkMessages.RTMSG_SIZE + ATTRIBUTE_HEADER + bytes.length,
                            request -> {
                                int at = NetlinkMessages.HEADER_SIZE;
                                request.put(at, (byte) (bytes.length == 4 ? Libc.AF_INET : Libc.AF_INET6));
                                request.put(at + 1, (byte) (bytes.length * 8));
                                request.putShort(
                                        at + NetlinkMessages.RTMSG_SIZE, (short) (ATTRIBUTE_HEADER + bytes.length));
                                request.putShort(at + NetlinkMessages.RTMSG_SIZE + 2, (short) RTA_DST);
                                request.put(at + NetlinkMessages.RTMSG_SIZE + ATTRIBUTE_HEADER, bytes);
                            },
                            "look up the route to " + address.getHostAddress(),
                            NetlinkMessages::routeDevice)
                    .stream()
                    .findFirst();
        } catch (KernelException e) {
            if (e.errno() == Errno.ENETUNREACH || e.errno() == Errno.EHOSTUNREACH || e.errno() == Errno.EACCES) {
                return Optional.empty(); // no route; EACCES: a route that prohibits
            }
            throw e;
        }
    }

    /** @param kind IFLA_INFO_KIND */
    public static List<DeviceDetails> details(String kind) {
        return dump(RTM_GETLINK, 16, request -> {}, "list " + kind + " devices", NetlinkMessages::details).stream()
                .filter(details -> details.device().kind().equals(kind))
                .toList();
    }

    /**
     * The number by which the calling thread's network namespace knows another one.
     *
     * @param fd of the other one
     * @return -1: it has none
     */
    static int netnsId(int fd) {
        return Netlink.exchange(
                        NETLINK_ROUTE,
                        RTM_GETNSID,
                        Netlink.ONE_DATAGRAM,
                        12,
                        request -> request.putShort(NetlinkMessages.HEADER_SIZE + 4, (short) 8)
                                .putShort(NetlinkMessages.HEADER_SIZE + 6, (short) NETNSA_FD)
                                .putInt(NetlinkMessages.HEADER_SIZE + 8, fd),
                        "ask for the number of a network namespace",
                        NetlinkMessages::netnsId)
                .stream()
                .findFirst()
                .orElse(-1);
    }

    /** The entries that have a destination, of all tunnel devices with a forwarding table. */
    public static List<ForwardingEntry> forwardingEntries() {
        return dump(
                RTM_GETNEIGH,
                12,
                request -> request.put(NetlinkMessages.HEADER_SIZE, (byte) AF_BRIDGE),
                "list forwarding entries",
                NetlinkMessages::forwardingEntry);
    }

    /** The clsact or ingress qdisc of a device; empty if there is none. */
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

    /** The filters on a device's clsact (or ingress) qdisc; empty if there is no such qdisc. */
    public static List<TcFilter> filters(int ifindex, boolean egress) {
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
                return List.of(); // no such qdisc, or no such device
            }
            throw e;
        }
    }

    private static <T> List<T> dump(
            int type,
            int bodySize,
            Netlink.Body body,
            String operation,
            Function<NetlinkMessages.Message, Optional<T>> parse) {
        return Netlink.exchange(NETLINK_ROUTE, type, Netlink.NLM_F_DUMP, bodySize, body, operation, parse);
    }
}
