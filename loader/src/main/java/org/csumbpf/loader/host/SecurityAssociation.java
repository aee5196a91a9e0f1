// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * An SA of the kernel (RFC 4301 section 4.4.2; {@code struct xfrm_usersa_info}), without its keys.
 *
 * @param spi in host order, as 32 bits
 * @param protocol IP protocol number: 50 is ESP, 51 AH, 108 IPComp
 * @param source outer address of the packets
 * @param destination outer address of the packets
 * @param mode XFRM_MODE_*: 0 is transport mode, 1 tunnel mode
 * @param inUdp whether the packets travel in UDP, for NAT traversal (RFC 3948)
 * @param mark value of the SA's mark ({@code struct xfrm_mark}), in host order, as 32 bits; 0: none
 * @param reqid by which a policy's template names the SA, in host order, as 32 bits; 0: none
 * @param icvBits length of the integrity check value, as the algorithm was configured (alg_icv_len of
 *     {@code struct xfrm_algo_aead}, alg_trunc_len of {@code struct xfrm_algo_auth}); 0: unknown
 * @param traffic what the SA has carried
 */
public record SecurityAssociation(
        int spi,
        int protocol,
        InetAddress source,
        InetAddress destination,
        int mode,
        boolean inUdp,
        int mark,
        int reqid,
        int icvBits,
        Traffic traffic) {
    static final int TRANSPORT = 0;
    static final int ESP = 50;
    private static final int COMP = 108;

    /**
     * What an SA has carried since it was made ({@code struct xfrm_lifetime_cur}, {@code struct xfrm_stats}). The kernel
     * counts refused packets in 32 bits, so these wrap.
     *
     * @param bytes before encryption, or after decryption
     * @param packets that went out, or that came in and were accepted
     * @param late received packets that were refused because their number is before the replay window (replay_window);
     *     the kernel compares numbers before it authenticates, so forged packets count
     * @param replays received packets that were refused because one with their number had been accepted (replay);
     *     forged packets count
     * @param integrityFailures received packets whose integrity check value was wrong (integrity_failed)
     */
    public record Traffic(long bytes, long packets, long late, long replays, long integrityFailures) {
        public static final Traffic NONE = new Traffic(0, 0, 0, 0, 0);
    }

    /** An SA without mark and reqid, of an unknown algorithm, that has carried nothing. */
    public SecurityAssociation(
            int spi, int protocol, InetAddress source, InetAddress destination, int mode, boolean inUdp) {
        this(spi, protocol, source, destination, mode, inUdp, 0, 0, 0, Traffic.NONE);
    }

    /** The same SA as if it had carried nothing: equal as long as nobody replaces it. */
    public SecurityAssociation withoutTraffic() {
        return new SecurityAssociation(
                spi, protocol, source, destination, mode, inUdp, mark, reqid, icvBits, Traffic.NONE);
    }

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
