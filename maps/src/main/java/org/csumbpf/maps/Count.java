// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * Packets and their bytes, from the Ethernet header on (without one, from IP on).
 *
 * @param packets number of packets
 * @param bytes their lengths added up
 */
public record Count(long packets, long bytes) {
    public static final Count NONE = new Count(0, 0);

    public Count plus(Count other) {
        return new Count(packets + other.packets, bytes + other.bytes);
    }
}
