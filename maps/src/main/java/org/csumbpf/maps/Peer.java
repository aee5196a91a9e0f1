// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What was seen of a peer: {@code struct csumbpf_peer}.
 *
 * @param packets decrypted by IPsec (or the rule is unverified)
 * @param bytes their lengths added up
 * @param bad packets whose checksum was computed and wrong. Modes that only write 0 compute one in ten seconds, mode
 *     adjust computes those that it verifies.
 * @param lastSeenNanos CLOCK_MONOTONIC, nanoseconds, to the jiffy
 * @param checkedNanos when a checksum was last computed, likewise; 0: never
 * @param spi Security Parameters Index (RFC 4303 section 2.1) of the last packet as an unsigned number in host order;
 *     0: unverified
 * @param delta what NAT does to this peer's checksums, as in {@code struct csumbpf_nat}; {@link #DELTA_UNKNOWN}, {@link
 *     #DELTA_NONE} or another number below 65536
 * @param trusted whether mode adjust relies on the delta: the last packets that were verified agreed on it
 */
public record Peer(
        long packets,
        long bytes,
        long bad,
        long lastSeenNanos,
        long checkedNanos,
        int spi,
        int delta,
        boolean trusted) {
    /** No checksum was computed yet. */
    public static final int DELTA_UNKNOWN = 0;
    /** The checksums are right: NAT changes nothing. */
    public static final int DELTA_NONE = 0xffff;

    public static final Peer NONE = new Peer(0, 0, 0, 0, 0, 0, DELTA_UNKNOWN, false);

    /** Two peers as one. The SPI is that of the later packet, the delta that of the later computed checksum. */
    public Peer plus(Peer other) {
        Peer later = other.lastSeenNanos > lastSeenNanos ? other : this;
        Peer laterCheck = other.checkedNanos > checkedNanos ? other : this;
        return new Peer(
                packets + other.packets,
                bytes + other.bytes,
                bad + other.bad,
                later.lastSeenNanos,
                laterCheck.checkedNanos,
                later.spi,
                laterCheck.delta,
                laterCheck.trusted);
    }
}
