// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.csumbpf.loader.KernelException;

/**
 * Counts the ESP packets and the UDP packets to some ports that a network namespace receives and sends, on all its devices
 * but lo. Like tcpdump, but reads headers only, puts no device into promiscuous mode, and changes nothing on the host.
 * Each packet of the namespace costs the kernel a little more as long as a sampler is open. Needs CAP_NET_RAW.
 *
 * <p>A packet is counted on each device that it passes: on a bond's member and on the bond, on a VLAN's device and mostly
 * on the one below. A received packet is counted before tc and netfilter may drop it, a sent packet after both. Where the
 * kernel decrypts ESP in GRO ({@code esp4_offload}, network cards), what arrives is counted as the UDP packet that was in
 * it. Packets for other stations, which a bridge forwards or promiscuous mode shows, are not counted.
 *
 * <p>Not counted: fragments but the first one, and ESP and UDP behind extension headers of IPv6, which includes all
 * fragments of IPv6.
 */
public final class PacketSampler implements AutoCloseable {
    /**
     * What the packets of one count have in common.
     *
     * @param ifindex of the device
     * @param outgoing whether the namespace sent them by the device; otherwise it received them
     * @param port UDP destination port, in host order; 0: ESP
     * @param spi of ESP, as 32 bits; empty: UDP
     * @param label of UDP: what {@link Labels} made of the payload; empty: it made nothing of it, or ESP
     */
    public record Kind(
            int ifindex,
            boolean outgoing,
            InetAddress source,
            InetAddress destination,
            int port,
            OptionalInt spi,
            OptionalInt label) {}

    /** Reads from a UDP payload the number by which its packets are counted apart, such as that of a tunnelled network. */
    public interface Labels {
        /**
         * @param payload its first bytes, {@link #LABEL_BYTES} at most, in network byte order; anybody may have sent them.
         *     Only valid during the call
         */
        OptionalInt read(ByteBuffer payload);
    }

    /**
     * @param packets how many were seen. With GRO and segmentation offloads the kernel and these counts take several of
     *     the wire's packets for one
     * @param longestBytes the greatest length that an IP header stated, with the IP header; of a fragment its own. With
     *     these offloads it may be more than the MTU
     */
    public record Count(long packets, int longestBytes) {
        private Count and(int bytes) {
            return new Count(packets + 1, Math.max(longestBytes, bytes));
        }
    }

    /**
     * A packet.
     *
     * @param bytes its length, as the IP header states it
     */
    record Sample(Kind kind, int bytes) {}

    private static final Count NONE = new Count(0, 0);
    private static final int UDP_SIZE = 8;
    private static final int UDP_DESTINATION = 2;
    private static final int UDP_LENGTH = 4;
    /** How much of a UDP payload {@link Labels} gets. */
    public static final int LABEL_BYTES = 8;
    /** The longest header of IPv4, with those of UDP and of a tunnel behind it; those of IPv6 are shorter. */
    private static final int BYTES = 60 + UDP_SIZE + LABEL_BYTES;
    /** Some hundred packets. */
    private static final int RECEIVE_BUFFER = 256 * 1024;
    /** Packets from each socket between two looks at the clock. */
    private static final int ROUND = 256;
    /** So that a flood with changing addresses costs no memory; a Swarm of 100 nodes and 20 networks needs 4000. */
    static final int MOST_KINDS = 8192;

    private final PacketSockets sockets = new PacketSockets(BYTES, RECEIVE_BUFFER);
    private final Map<Kind, Count> counts = new HashMap<>();
    private final Labels labels;
    private long lost;
    private long uncounted;

    private PacketSampler(Labels labels) {
        this.labels = labels;
    }

    /**
     * Listens in the calling thread's network namespace, from now on.
     *
     * @param ports UDP destination ports, in host order
     * @param labels must not throw
     * @throws KernelException EPERM: CAP_NET_RAW is missing
     */
    public static PacketSampler open(Collection<Integer> ports, Labels labels) {
        PacketSampler sampler = new PacketSampler(labels);
        try {
            PacketFilter ipv4 = filter(PacketSockets.ETH_P_IP).takeEspAndUdpOfIpv4(ports, BYTES);
            sampler.sockets.listen(0, PacketSockets.ETH_P_ALL, ipv4);
            PacketFilter ipv6 = filter(PacketSockets.ETH_P_IPV6).takeEspAndUdpOfIpv6(ports, BYTES);
            sampler.sockets.listen(1, PacketSockets.ETH_P_ALL, ipv6);
            return sampler;
        } catch (RuntimeException e) {
            sampler.close();
            throw e;
        }
    }

    private static PacketFilter filter(int protocol) {
        return new PacketFilter()
                .protocol()
                .require(protocol)
                .ifindex()
                .refuseEach(List.of(NetDevice.LOOPBACK))
                .type()
                .refuseEach(List.of(PacketSockets.PACKET_OTHERHOST, PacketSockets.PACKET_LOOPBACK));
    }

    /**
     * Counts packets as they come. Those that come between two calls wait in a small buffer.
     *
     * @param atMost returns after that time; zero: counts what is there
     */
    public void collect(Duration atMost) {
        long deadline = System.nanoTime() + Math.min(atMost.toMillis(), Integer.MAX_VALUE) * 1_000_000;
        int millis;
        do {
            millis = (int) Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
            sockets.await(millis, ROUND, this::count);
        } while (millis > 0);
        lost += sockets.dropped();
    }

    private void count(ByteBuffer packet, int ifindex, int type) {
        parse(packet, ifindex, type == PacketSockets.PACKET_OUTGOING, labels)
                .ifPresent(sample -> uncounted += add(counts, sample) ? 0 : 1);
    }

    /** False: the packet is of a new kind, and there are too many. */
    static boolean add(Map<Kind, Count> counts, Sample sample) {
        Count before = counts.getOrDefault(sample.kind(), NONE);
        if (before == NONE && counts.size() >= MOST_KINDS) {
            return false;
        }
        counts.put(sample.kind(), before.and(sample.bytes()));
        return true;
    }

    /** Empty: the packet is too short, or the filter should have refused it. */
    static Optional<Sample> parse(ByteBuffer packet, int ifindex, boolean outgoing, Labels labels) {
        Optional<IpPacket> parsed = IpPacket.parse(packet);
        if (parsed.isEmpty()) {
            return Optional.empty();
        }
        IpPacket ip = parsed.get();
        int rest = packet.limit() - ip.header();
        OptionalInt spi = OptionalInt.empty();
        OptionalInt label = OptionalInt.empty();
        int port = 0;
        if (ip.protocol() == SecurityAssociation.ESP && rest >= 4) {
            spi = OptionalInt.of(packet.getInt(ip.header()));
        } else if (ip.protocol() == IpPacket.UDP && rest >= UDP_SIZE) {
            port = Short.toUnsignedInt(packet.getShort(ip.header() + UDP_DESTINATION));
            label = labels.read(payload(packet, ip.header()));
        } else {
            return Optional.empty();
        }
        Kind kind = new Kind(ifindex, outgoing, ip.source(), ip.destination(), port, spi, label);
        return Optional.of(new Sample(kind, ip.length()));
    }

    /**
     * Without what Ethernet pads.
     *
     * @param udp where the UDP header begins
     */
    private static ByteBuffer payload(ByteBuffer packet, int udp) {
        int start = udp + UDP_SIZE;
        int stated = Short.toUnsignedInt(packet.getShort(udp + UDP_LENGTH));
        int length = Math.min(packet.limit() - start, LABEL_BYTES);
        if (stated != 0) { // 0: a jumbogram
            length = Math.min(length, Math.max(0, stated - UDP_SIZE));
        }
        return packet.slice(start, length).order(ByteOrder.BIG_ENDIAN);
    }

    /** What was counted since {@link #open}. */
    public Map<Kind, Count> counts() {
        return Map.copyOf(counts);
    }

    /** Packets that were missed: they found no room in the buffer, or are of a kind beyond the 8192 that are counted. */
    public long missed() {
        return lost + uncounted;
    }

    @Override
    public void close() {
        sockets.close();
    }
}
