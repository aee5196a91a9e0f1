// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Parses rtnetlink messages (rtnetlink(7)); {@link Netlink} fetches them. All numbers are in native byte order, except
 * for protocol numbers, which are in network order.
 */
final class NetlinkMessages {
    static final int HEADER_SIZE = 16;
    /** struct nlmsghdr: nlmsg_type. */
    static final int HEADER_TYPE = 4;
    /** struct nlmsghdr: nlmsg_pid. */
    static final int HEADER_PORT = 12;

    static final int NLMSG_ERROR = 2;
    static final int NLMSG_DONE = 3;
    static final int RTM_NEWLINK = 16;
    static final int RTM_NEWADDR = 20;
    static final int RTM_NEWROUTE = 24;
    static final int RTM_NEWNEIGH = 28;
    static final int RTM_NEWQDISC = 36;
    static final int RTM_NEWTFILTER = 44;

    private static final int IFLA_IFNAME = 3;
    private static final int IFLA_MTU = 4;
    private static final int IFLA_LINK = 5;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_STATS64 = 23;
    private static final int RX_PACKETS = 0;
    private static final int TX_PACKETS = 8;
    private static final int TX_ERRORS = 40;
    private static final int TX_DROPPED = 56;
    private static final int NDMSG_SIZE = 12;
    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final int NDA_CACHEINFO = 3;
    /** Offset of ndm_updated in struct nda_cacheinfo, in USER_HZ. */
    private static final int UPDATED = 8;

    private static final long TICK_NANOS = 10_000_000;
    private static final int NUD_PERMANENT = 0x80;
    private static final int IFLA_LINK_NETNSID = 37;
    private static final int IFLA_XDP = 43;
    private static final int IFLA_XDP_ATTACHED = 2;
    private static final int IFLA_PROP_LIST = 52;
    private static final int IFLA_ALT_IFNAME = 53;
    private static final int IFINFOMSG_SIZE = 16;
    private static final int RTM_NEWNSID = 88;
    /** With its padding. */
    private static final int RTGENMSG_SIZE = 4;

    private static final int NETNSA_NSID = 1;
    private static final int IFINFOMSG_FLAGS = 8;
    private static final int IFF_UP = 1;
    private static final int IFADDRMSG_SIZE = 8;
    private static final int IFA_ADDRESS = 1;
    private static final int IFA_LOCAL = 2;
    static final int RTMSG_SIZE = 12;
    private static final int RTA_OIF = 4;
    private static final int TCMSG_SIZE = 20;
    private static final int TCA_KIND = 1;

    private NetlinkMessages() {}

    /**
     * One message.
     *
     * @param type RTM_* or NLMSG_*
     * @param body what follows the header
     */
    record Message(int type, ByteBuffer body) {}

    /** The messages of one datagram. A message that claims more bytes than there are ends the list. */
    static List<Message> split(ByteBuffer datagram) {
        List<Message> messages = new ArrayList<>();
        int at = 0;
        while (datagram.limit() - at >= HEADER_SIZE) {
            int length = datagram.getInt(at);
            if (length < HEADER_SIZE || length > datagram.limit() - at) {
                break;
            }
            messages.add(new Message(
                    Short.toUnsignedInt(datagram.getShort(at + HEADER_TYPE)),
                    datagram.slice(at + HEADER_SIZE, length - HEADER_SIZE).order(datagram.order())));
            at += length + 3 & ~3;
        }
        return messages;
    }

    static Optional<NetDevice> device(Message message) {
        ByteBuffer body = message.body();
        if (message.type() != RTM_NEWLINK || body.limit() < IFINFOMSG_SIZE) {
            return Optional.empty();
        }
        Map<Integer, ByteBuffer> attributes = attributes(body, IFINFOMSG_SIZE);
        String kind = nested(attributes, IFLA_LINKINFO, IFLA_INFO_KIND)
                .map(NetlinkMessages::text)
                .orElse("");
        int xdp = nested(attributes, IFLA_XDP, IFLA_XDP_ATTACHED)
                .filter(b -> b.limit() >= 1)
                .map(b -> Byte.toUnsignedInt(b.get(0)))
                .orElse(0);
        return Optional.of(new NetDevice(
                body.getInt(4),
                Optional.ofNullable(attributes.get(IFLA_IFNAME))
                        .map(value -> InterfaceName.decode(bytes(value)))
                        .orElse(""),
                altnames(attributes.get(IFLA_PROP_LIST)),
                Short.toUnsignedInt(body.getShort(2)),
                kind,
                number(attributes, IFLA_LINK),
                attributes.containsKey(IFLA_LINK_NETNSID),
                number(attributes, IFLA_MASTER),
                number(attributes, IFLA_MTU),
                xdp < XdpMode.values().length ? XdpMode.values()[xdp] : XdpMode.MULTI));
    }

    static Optional<DeviceDetails> details(Message message) {
        return device(message).map(device -> {
            Map<Integer, ByteBuffer> attributes = attributes(message.body(), IFINFOMSG_SIZE);
            Map<Integer, byte[]> ofKind = new HashMap<>();
            nested(attributes, IFLA_LINKINFO, IFLA_INFO_DATA)
                    .ifPresent(data -> each(data, 0, (type, value) -> {
                        byte[] bytes = new byte[value.limit()];
                        value.get(0, bytes);
                        ofKind.put(type, bytes);
                    }));
            ByteBuffer statistics = attributes.get(IFLA_STATS64);
            boolean counted = statistics != null && statistics.limit() >= TX_DROPPED + 8;
            return new DeviceDetails(
                    device,
                    ofKind,
                    counted ? statistics.getLong(RX_PACKETS) : 0,
                    counted ? statistics.getLong(TX_PACKETS) : 0,
                    counted ? statistics.getLong(TX_ERRORS) + statistics.getLong(TX_DROPPED) : 0,
                    (message.body().getInt(IFINFOMSG_FLAGS) & IFF_UP) != 0,
                    attributes.containsKey(IFLA_LINK_NETNSID) ? number(attributes, IFLA_LINK_NETNSID) : -1);
        });
    }

    /** The number of a namespace; -1: it has none. */
    static Optional<Integer> netnsId(Message message) {
        return message.type() == RTM_NEWNSID && message.body().limit() >= RTGENMSG_SIZE
                ? Optional.of(number(attributes(message.body(), RTGENMSG_SIZE), NETNSA_NSID))
                : Optional.empty();
    }

    /** Empty also if the entry has no destination. */
    static Optional<ForwardingEntry> forwardingEntry(Message message) {
        ByteBuffer body = message.body();
        if (message.type() != RTM_NEWNEIGH || body.limit() < NDMSG_SIZE) {
            return Optional.empty();
        }
        Map<Integer, ByteBuffer> attributes = attributes(body, NDMSG_SIZE);
        ByteBuffer station = attributes.get(NDA_LLADDR);
        Optional<InetAddress> destination =
                Optional.ofNullable(attributes.get(NDA_DST)).flatMap(NetlinkMessages::inetAddress);
        if (station == null || destination.isEmpty()) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < station.limit(); i++) {
            text.append(i == 0 ? "" : ":").append(String.format(Locale.ROOT, "%02x", station.get(i)));
        }
        ByteBuffer cache = attributes.get(NDA_CACHEINFO);
        return Optional.of(new ForwardingEntry(
                body.getInt(4),
                text.toString(),
                destination.get(),
                (body.getShort(8) & NUD_PERMANENT) != 0,
                cache == null || cache.limit() < UPDATED + 4
                        ? 0
                        : Integer.toUnsignedLong(cache.getInt(UPDATED)) * TICK_NANOS));
    }

    /** All attributes of the list have the same type, so a map would keep only the last one. */
    private static List<String> altnames(ByteBuffer properties) {
        List<String> names = new ArrayList<>();
        if (properties != null) {
            each(properties, 0, (type, value) -> {
                if (type == IFLA_ALT_IFNAME) {
                    names.add(text(value));
                }
            });
        }
        return List.copyOf(names);
    }

    /** An address of this host. IFA_LOCAL comes first: on a point-to-point device IFA_ADDRESS is the other end's. */
    static Optional<DeviceAddress> address(Message message) {
        ByteBuffer body = message.body();
        if (message.type() != RTM_NEWADDR || body.limit() < IFADDRMSG_SIZE) {
            return Optional.empty();
        }
        Map<Integer, ByteBuffer> attributes = attributes(body, IFADDRMSG_SIZE);
        ByteBuffer value = attributes.getOrDefault(IFA_LOCAL, attributes.get(IFA_ADDRESS));
        if (value == null) {
            return Optional.empty();
        }
        return inetAddress(value).map(address -> new DeviceAddress(body.getInt(4), address));
    }

    /** The ifindex of the device that a route uses; empty: it uses none. */
    static Optional<Integer> routeDevice(Message message) {
        if (message.type() != RTM_NEWROUTE || message.body().limit() < RTMSG_SIZE) {
            return Optional.empty();
        }
        return Optional.of(number(attributes(message.body(), RTMSG_SIZE), RTA_OIF))
                .filter(ifindex -> ifindex != 0);
    }

    /** Empty for a family that is neither IPv4 nor IPv6. */
    private static Optional<InetAddress> inetAddress(ByteBuffer value) {
        byte[] bytes = new byte[value.limit()];
        value.get(0, bytes);
        try {
            return Optional.of(InetAddress.getByAddress(bytes));
        } catch (UnknownHostException e) {
            return Optional.empty();
        }
    }

    static Optional<Qdisc> qdisc(Message message) {
        ByteBuffer body = message.body();
        if (message.type() != RTM_NEWQDISC || body.limit() < TCMSG_SIZE) {
            return Optional.empty();
        }
        return Optional.of(new Qdisc(body.getInt(4), kind(body), body.getInt(12)));
    }

    static Optional<TcFilter> filter(Message message) {
        ByteBuffer body = message.body();
        if (message.type() != RTM_NEWTFILTER || body.limit() < TCMSG_SIZE) {
            return Optional.empty();
        }
        // tcm_info: priority in the upper half, protocol (network order) in the lower one
        return Optional.of(new TcFilter(kind(body), body.getInt(16) >>> 16, body.getInt(8)));
    }

    private static String kind(ByteBuffer body) {
        return Optional.ofNullable(attributes(body, TCMSG_SIZE).get(TCA_KIND))
                .map(NetlinkMessages::text)
                .orElse("");
    }

    static Map<Integer, ByteBuffer> attributes(ByteBuffer body, int start) {
        Map<Integer, ByteBuffer> attributes = new HashMap<>();
        each(body, start, attributes::put);
        return attributes;
    }

    private static void each(ByteBuffer body, int start, BiConsumer<Integer, ByteBuffer> found) {
        int at = start;
        while (body.limit() - at >= 4) {
            int length = Short.toUnsignedInt(body.getShort(at));
            if (length < 4 || length > body.limit() - at) {
                break;
            }
            // The two upper bits are NLA_F_NESTED and NLA_F_NET_BYTEORDER.
            int type = body.getShort(at + 2) & 0x3fff;
            found.accept(type, body.slice(at + 4, length - 4).order(body.order()));
            at += length + 3 & ~3;
        }
    }

    private static Optional<ByteBuffer> nested(Map<Integer, ByteBuffer> attributes, int outer, int inner) {
        return Optional.ofNullable(attributes.get(outer))
                .map(body -> attributes(body, 0).get(inner));
    }

    private static int number(Map<Integer, ByteBuffer> attributes, int type) {
        return number(attributes, type, 0);
    }

    /** 32 bits at an offset of an attribute; 0 if there is no such attribute, or it is too short. */
    static int number(Map<Integer, ByteBuffer> attributes, int type, int at) {
        ByteBuffer value = attributes.get(type);
        return value == null || value.limit() < at + 4 ? 0 : value.getInt(at);
    }

    static String text(ByteBuffer value) {
        return new String(bytes(value), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(ByteBuffer value) {
        int length = 0;
        while (length < value.limit() && value.get(length) != 0) {
            length++;
        }
        byte[] bytes = new byte[length];
        value.get(0, bytes);
        return bytes;
    }
}
