// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Tells by which devices of a network namespace ESP and the UDP packets of some ports come in: packet sockets
 * (packet(7)) with a filter, which get only the first bytes of those. A packet is seen on the device whose IP stack gets
 * it: on the bond and not on its members, on the VLAN's device and not on the one below. Sees no fragments but the
 * first, and no ESP behind extension headers of IPv6. Needs CAP_NET_RAW.
 *
 * <p>With {@code esp4_offload} the kernel decrypts before these sockets see a packet. That is why UDP is of interest.
 */
public final class ArrivalMonitor implements AutoCloseable {
    /**
     * A packet.
     *
     * @param ifindex of the device
     * @param spi of ESP, as 32 bits; empty: it is UDP
     */
    public record Arrival(int ifindex, InetAddress source, InetAddress destination, OptionalInt spi) {}

    private static final int AF_PACKET = 17;
    private static final int SO_RCVBUF = 8;
    private static final int SO_ATTACH_FILTER = 26;
    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int SOCKADDR_SIZE = 20;
    private static final int SOCKADDR_PROTOCOL = 2;
    private static final int SOCKADDR_IFINDEX = 4;
    private static final int SOCKADDR_PKTTYPE = 10;
    private static final int PACKET_HOST = 0;
    private static final int UDP = 17;
    private static final int IPV4_FRAGMENT_OFFSET = 0x1fff;
    private static final int IPV6_SIZE = 40;
    /** The longest header of IPv4 with an SPI behind it; an IPv6 header with an SPI is shorter. */
    private static final int BYTES = 64;
    /** So few packets wait that a flood costs no memory. The kernel drops the others at the filter. */
    private static final int RECEIVE_BUFFER = 16 * 1024;

    private final int[] sockets = {-1, -1};
    private final Memory descriptors = new Memory(2L * Libc.POLLFD_SIZE);
    private final Memory packet = new Memory(BYTES);
    private final Memory address = new Memory(SOCKADDR_SIZE);
    private final Memory addressLength = new Memory(4);

    private ArrivalMonitor() {
        descriptors.clear();
    }

    /**
     * Listens in the calling thread's network namespace.
     *
     * @param ports of UDP, in host order
     * @param ignored ifindexes of devices on which nothing is of interest
     * @throws KernelException EPERM: CAP_NET_RAW is missing
     */
    public static ArrivalMonitor open(Collection<Integer> ports, Collection<Integer> ignored) {
        ArrivalMonitor monitor = new ArrivalMonitor();
        try {
            PacketFilter ipv4 = new PacketFilter().ifindex().refuseEach(ignored);
            ipv4.halfAt(6).refuseIfSet(IPV4_FRAGMENT_OFFSET);
            ipv4.byteAt(9).takeIf(SecurityAssociation.ESP, BYTES).require(UDP);
            ipv4.halfBehindIpv4(2).takeIfOneOf(ports, BYTES);
            monitor.listen(0, ETH_P_IP, ipv4);
            PacketFilter ipv6 = new PacketFilter().ifindex().refuseEach(ignored);
            ipv6.byteAt(6).takeIf(SecurityAssociation.ESP, BYTES).require(UDP);
            ipv6.halfAt(IPV6_SIZE + 2).takeIfOneOf(ports, BYTES);
            monitor.listen(1, ETH_P_IPV6, ipv6);
            return monitor;
        } catch (RuntimeException e) {
            monitor.close();
            throw e;
        }
    }

    private void listen(int index, int protocol, PacketFilter filter) {
        // Without a protocol the socket gets nothing until the filter is in place.
        int socket = Libc.socket(AF_PACKET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        sockets[index] = Libc.check(socket, "open", "packet socket");
        try (Memory size = new Memory(4);
                Memory program = filter.memory();
                Memory own = new Memory(SOCKADDR_SIZE)) {
            size.setInt(0, RECEIVE_BUFFER);
            Libc.check(
                    Libc.setsockopt(socket, Libc.SOL_SOCKET, SO_RCVBUF, size, 4),
                    "set receive buffer of",
                    "packet socket");
            Libc.check(
                    Libc.setsockopt(socket, Libc.SOL_SOCKET, SO_ATTACH_FILTER, program, PacketFilter.FPROG_SIZE),
                    "set filter of",
                    "packet socket");
            own.clear();
            own.setShort(0, (short) AF_PACKET);
            own.getByteBuffer(0, SOCKADDR_SIZE).order(ByteOrder.BIG_ENDIAN).putShort(SOCKADDR_PROTOCOL, (short)
                    protocol);
            Libc.check(Libc.bind(socket, own, SOCKADDR_SIZE), "bind", "packet socket");
        }
        descriptors.setInt((long) Libc.POLLFD_SIZE * index, socket);
        descriptors.setShort((long) Libc.POLLFD_SIZE * index + Libc.POLLFD_EVENTS, Libc.POLLIN);
    }

    /**
     * Waits for packets, and takes those that have come by then.
     *
     * @param timeoutMillis at most so long
     * @param most how many to take
     */
    public List<Arrival> await(int timeoutMillis, int most) {
        List<Arrival> arrivals = new ArrayList<>();
        int ready = Libc.poll(descriptors, sockets.length, timeoutMillis);
        if (ready < 0 && Native.getLastError() == Errno.EINTR) {
            return arrivals;
        }
        Libc.check(ready, "wait for packets", "(packet socket)");
        for (int socket : sockets) {
            for (int taken = 0; taken < most; taken++) {
                addressLength.setInt(0, SOCKADDR_SIZE);
                long length = Libc.recvfrom(socket, packet, BYTES, Libc.MSG_DONTWAIT, address, addressLength);
                if (length < 0) {
                    int errno = Native.getLastError();
                    // A device that goes down is reported here once.
                    if (errno == Errno.EAGAIN || errno == Errno.ENETDOWN) {
                        break;
                    }
                    throw new KernelException("read", "packet socket", errno);
                }
                arrival((int) length).ifPresent(arrivals::add);
            }
        }
        return arrivals;
    }

    private Optional<Arrival> arrival(int length) {
        if (address.getByte(SOCKADDR_PKTTYPE) != PACKET_HOST) {
            return Optional.empty();
        }
        return parse(
                packet.getByteBuffer(0, Math.min(length, BYTES)).order(ByteOrder.BIG_ENDIAN),
                address.getInt(SOCKADDR_IFINDEX));
    }

    /**
     * @param packet from the network header on, in network byte order
     * @return empty: the packet is too short
     */
    static Optional<Arrival> parse(ByteBuffer packet, int ifindex) {
        int length = packet.limit();
        if (length < 1) {
            return Optional.empty();
        }
        boolean ipv4 = packet.get(0) >> 4 == 4;
        int header = ipv4 ? (packet.get(0) & 0xf) * 4 : IPV6_SIZE;
        int size = ipv4 ? 4 : 16;
        int addresses = ipv4 ? 12 : 8;
        if (length < Math.max(header + 4, addresses + 2 * size)) {
            return Optional.empty();
        }
        boolean esp = packet.get(ipv4 ? 9 : 6) == SecurityAssociation.ESP;
        return Optional.of(new Arrival(
                ifindex,
                Xfrm.address(packet, addresses, !ipv4),
                Xfrm.address(packet, addresses + size, !ipv4),
                esp ? OptionalInt.of(packet.getInt(header)) : OptionalInt.empty()));
    }

    @Override
    public void close() {
        for (int i = 0; i < sockets.length; i++) {
            if (sockets[i] >= 0) {
                Libc.close(sockets[i]);
                sockets[i] = -1;
            }
        }
        for (Memory memory : List.of(descriptors, packet, address, addressLength)) {
            memory.close();
        }
    }
}
