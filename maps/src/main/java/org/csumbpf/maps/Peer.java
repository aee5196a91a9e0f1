// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What was seen of a peer.
 *
 * @param packets decrypted by IPsec (or of a rule that asks for no proof)
 * @param bytes their lengths added up
 * @param bad of those whose checksum was computed, found wrong; where only 0 is written, that is one in ten seconds; in
 *     mode adjust, those that are verified
 * @param lastSeenNanos CLOCK_MONOTONIC, nanoseconds, to the jiffy
 * @param lookedNanos when a checksum was last computed, likewise; 0: never
 * @param spi Security Parameters Index (RFC 4303 section 2.1) of the last packet as an unsigned number in host order; 0
 *     where there was no proof
 * @param delta what NAT does to this peer's checksums, as {@code struct csumbpf_nat} has it; {@link #DELTA_UNKNOWN},
 *     {@link #DELTA_NONE} or another number below 65536
 * @param trusted whether mode adjust takes the delta for granted: the last packets that were looked at agreed on it
 */
public record Peer(
        long packets, long bytes, long bad, long lastSeenNanos, long lookedNanos, int spi, int delta, boolean trusted) {
    /** No checksum was looked at. */
    public static final int DELTA_UNKNOWN = 0;
    /** The checksums are right: there is no NAT. */
    public static final int DELTA_NONE = 0xffff;

    public static final Peer NONE = new Peer(0, 0, 0, 0, 0, 0, DELTA_UNKNOWN, false);

    /** Two peers taken as one; the SPI is that of the later packet, the delta that of the later look. */
    public Peer plus(Peer other) {
        Peer later = other.lastSeenNanos > lastSeenNanos ? other : this;
        Peer laterLook = other.lookedNanos > lookedNanos ? other : this;
        return new Peer(
                packets + other.packets,
                bytes + other.bytes,
                bad + other.bad,
                later.lastSeenNanos,
                laterLook.lookedNanos,
                later.spi,
                laterLook.delta,
                laterLook.trusted);
    }
}
