// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A policy of the kernel (RFC 4301 section 4.4.1; {@code struct xfrm_userpolicy_info}).
 *
 * @param outbound whether it is for packets that this host sends
 * @param protocol IP protocol number that its selector names; 0: any
 * @param destinationPort that its selector names, in host order; 0: any, or a range
 * @param transportEsp whether it asks for ESP in transport mode
 */
public record IpsecPolicy(boolean outbound, int protocol, int destinationPort, boolean transportEsp) {
    private static final int UDP = 17;

    public boolean isUdp() {
        return protocol == UDP;
    }
}
