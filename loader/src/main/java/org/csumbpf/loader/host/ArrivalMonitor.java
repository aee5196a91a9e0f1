// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
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

    /** The longest header of IPv4 with an SPI behind it; an IPv6 header with an SPI is shorter. */
    private static final int BYTES = 64;
    /** So few packets wait that a flood costs no memory. The kernel drops the others at the filter. */
    private static final int RECEIVE_BUFFER = 16 * 1024;

    private final PacketSockets sockets = new PacketSockets(BYTES, RECEIVE_BUFFER);

    private ArrivalMonitor() {}

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
            monitor.sockets.listen(0, PacketSockets.ETH_P_IP, ipv4.takeEspAndUdpOfIpv4(ports, BYTES));
            PacketFilter ipv6 = new PacketFilter().ifindex().refuseEach(ignored);
            monitor.sockets.listen(1, PacketSockets.ETH_P_IPV6, ipv6.takeEspAndUdpOfIpv6(ports, BYTES));
            return monitor;
        } catch (RuntimeException e) {
            monitor.close();
            throw e;
        }
    }

    /**
     * Waits for packets, and takes those that have come by then.
     *
     * @param timeoutMillis at most so long
     * @param most how many to take
     */
    public List<Arrival> await(int timeoutMillis, int most) {
        List<Arrival> arrivals = new ArrayList<>();
        sockets.await(timeoutMillis, most, (packet, ifindex, type) -> {
            if (type == PacketSockets.PACKET_HOST) {
                parse(packet, ifindex).ifPresent(arrivals::add);
            }
        });
        return arrivals;
    }

    /** Empty: the packet is too short. */
    static Optional<Arrival> parse(ByteBuffer packet, int ifindex) {
        return IpPacket.parse(packet)
                .filter(ip -> packet.limit() >= ip.header() + 4)
                .map(ip -> new Arrival(
                        ifindex,
                        ip.source(),
                        ip.destination(),
                        ip.protocol() == SecurityAssociation.ESP
                                ? OptionalInt.of(packet.getInt(ip.header()))
                                : OptionalInt.empty()));
    }

    @Override
    public void close() {
        sockets.close();
    }
}
