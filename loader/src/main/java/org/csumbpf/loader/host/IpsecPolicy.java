// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A policy of the kernel (RFC 4301 section 4.4.1; {@code struct xfrm_userpolicy_info}).
 *
 * @param direction of the packets that it is for
 * @param source addresses that its selector names, with the prefix length: "203.0.113.2/32"; "0.0.0.0/0" or
 *     "0:0:0:0:0:0:0:0/0": any
 * @param destination the same
 * @param protocol IP protocol number that its selector names; 0: any
 * @param destinationPort that its selector names, in host order; 0: any, or a range
 * @param transportEsp whether it asks for ESP in transport mode
 * @param mark value of the mark that packets need ({@code struct xfrm_mark}), in host order, as 32 bits; 0: none
 */
public record IpsecPolicy(
        Direction direction,
        String source,
        String destination,
        int protocol,
        int destinationPort,
        boolean transportEsp,
        int mark) {
    private static final int UDP = 17;

    /** In the order of XFRM_POLICY_IN, XFRM_POLICY_OUT and XFRM_POLICY_FWD. */
    public enum Direction {
        /** For packets that this host receives for itself. */
        IN,
        /** For packets that this host sends. */
        OUT,
        /** For packets that this host forwards. */
        FWD
    }

    /** A policy for all IPv4 addresses, without a mark; IN if it is not outbound. */
    public IpsecPolicy(boolean outbound, int protocol, int destinationPort, boolean transportEsp) {
        this(
                outbound ? Direction.OUT : Direction.IN,
                "0.0.0.0/0",
                "0.0.0.0/0",
                protocol,
                destinationPort,
                transportEsp,
                0);
    }

    public boolean outbound() {
        return direction == Direction.OUT;
    }

    public boolean isUdp() {
        return protocol == UDP;
    }
}
