// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What the program reports about one packet.
 *
 * @param type what it is about
 * @param timeNanos CLOCK_MONOTONIC, nanoseconds
 * @param peer VNI, sender and receiver of the packet
 * @param spi as in {@link Peer}; 0: plaintext, or unverified
 * @param deltaBefore as in {@link Peer}
 * @param delta as in {@link Peer}
 */
public record Event(EventType type, long timeNanos, PeerKey peer, int spi, int deltaBefore, int delta) {}
