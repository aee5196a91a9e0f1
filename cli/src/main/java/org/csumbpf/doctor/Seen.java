// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

/**
 * Packets of a kind that packet sockets saw while the doctor watched.
 *
 * @param device name of the device
 * @param outgoing whether the host sent them; else they came in
 * @param source of the outer IP header
 * @param destination of the outer IP header
 * @param spi of ESP, as {@code 0x00001001}; empty: VXLAN in UDP
 * @param vni of VXLAN; -1: ESP
 * @param packets how many
 * @param longest length of the longest IP packet in bytes
 */
public record Seen(
        String device,
        boolean outgoing,
        String source,
        String destination,
        String spi,
        int vni,
        long packets,
        int longest) {
    public Seen {
        device = device == null ? "" : device;
        source = source == null ? "" : source;
        destination = destination == null ? "" : destination;
        spi = spi == null ? "" : spi;
    }

    boolean isEsp() {
        return !spi.isEmpty();
    }
}
