// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/** Marks in skb->priority, by which tc and nftables know what the other did: {@code enum csumbpf_priority}. */
public enum PacketPriority {
    /** tc left a checksum other than 0 on purpose. */
    HANDLED(0x12b5_0000),
    /** nftables sent the packet over the loopback device; the minor number names the attachment. */
    LOOPBACK(0x12b6_0000);

    private final int value;

    PacketPriority(int value) {
        this.value = value;
    }

    public int value() {
        return value;
    }

    /**
     * The priority as tc and nftables print it, MAJOR:MINOR in hexadecimal.
     *
     * @param minor only the lower 16 bits are used
     */
    public String text(int minor) {
        return Integer.toHexString(value >>> 16) + ":" + Integer.toHexString(minor & 0xffff);
    }
}
