// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What the IP header of a packet states (RFC 791, RFC 8200).
 *
 * @param protocol IP protocol number; of IPv6 the first next header
 * @param header length of the IP header, in bytes
 * @param length of the whole packet, in bytes; an IPv6 jumbogram states only that of its header, 40
 */
record IpPacket(InetAddress source, InetAddress destination, int protocol, int header, int length) {
    static final int UDP = 17;
    static final int IPV4_FRAGMENT_OFFSET = 0x1fff;
    static final int IPV6_SIZE = 40;
    private static final int IPV4_SIZE = 20;

    /**
     * @param packet its first bytes, in network byte order
     * @return empty: these are no IP packet's, or not the whole header
     */
    static Optional<IpPacket> parse(ByteBuffer packet) {
        int version = packet.limit() < IPV4_SIZE ? 0 : (packet.get(0) & 0xf0) >> 4;
        if (version == 4) {
            int header = (packet.get(0) & 0xf) * 4;
            return header < IPV4_SIZE || header > packet.limit()
                    ? Optional.empty()
                    : Optional.of(new IpPacket(
                            Xfrm.address(packet, 12, false),
                            Xfrm.address(packet, 16, false),
                            Byte.toUnsignedInt(packet.get(9)),
                            header,
                            Short.toUnsignedInt(packet.getShort(2))));
        }
        if (version != 6 || packet.limit() < IPV6_SIZE) {
            return Optional.empty();
        }
        return Optional.of(new IpPacket(
                Xfrm.address(packet, 8, true),
                Xfrm.address(packet, 24, true),
                Byte.toUnsignedInt(packet.get(6)),
                IPV6_SIZE,
                IPV6_SIZE + Short.toUnsignedInt(packet.getShort(4))));
    }
}
