// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What was seen of a peer.
 *
 * @param packets decrypted by IPsec (or of a rule that asks for no proof)
 * @param bytes their lengths added up
 * @param bad of the packets, those found wrong; mode zero does not look
 * @param lastSeenNanos CLOCK_MONOTONIC, nanoseconds
 * @param spi Security Parameters Index (RFC 4303 section 2.1) of the last packet as an unsigned number in host order; 0
 *     where there was no proof
 */
public record Peer(long packets, long bytes, long bad, long lastSeenNanos, int spi) {
    public static final Peer NONE = new Peer(0, 0, 0, 0, 0);

    /** The sum of two CPUs' views; the SPI is that of the later one. */
    public Peer plus(Peer other) {
        Peer later = other.lastSeenNanos > lastSeenNanos ? other : this;
        return new Peer(packets + other.packets, bytes + other.bytes, bad + other.bad, later.lastSeenNanos, later.spi);
    }
}
