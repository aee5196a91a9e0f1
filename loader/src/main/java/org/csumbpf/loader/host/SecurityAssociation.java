// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * An SA of the kernel (RFC 4301 section 4.4.2; {@code struct xfrm_usersa_info}).
 *
 * @param spi in host order, as 32 bits
 * @param protocol IP protocol number: 50 is ESP, 51 AH, 108 IPComp
 * @param source outer address of the packets
 * @param destination outer address of the packets
 * @param mode XFRM_MODE_*: 0 is transport mode, 1 tunnel mode
 * @param inUdp whether the packets travel in UDP, for NAT traversal (RFC 3948)
 */
public record SecurityAssociation(
        int spi, int protocol, InetAddress source, InetAddress destination, int mode, boolean inUdp) {
    static final int TRANSPORT = 0;
    static final int ESP = 50;
    private static final int COMP = 108;

    /** Whether the outer addresses are IPv6. */
    public boolean ipv6() {
        return destination instanceof Inet6Address;
    }

    public boolean isEsp() {
        return protocol == ESP;
    }

    /** Whether the SA has transport mode: the outer header is the packet's own, so its checksums cover addresses that NAT changes. */
    public boolean isTransport() {
        return mode == TRANSPORT;
    }

    /** IPComp (RFC 3173): a packet is compressed before it is encrypted. */
    public boolean isIpComp() {
        return protocol == COMP;
    }
}
