// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/** What the paths tell each other of a packet in skb->priority: {@code enum csumbpf_priority}. */
public enum PacketPriority {
    /** tc left a checksum that is not 0 on purpose. */
    DONE(0x12b5_0000),
    /** nftables sent it over the loopback device; the minor number names the attachment. */
    DETOUR(0x12b6_0000);

    private final int value;

    PacketPriority(int value) {
        this.value = value;
    }

    public int value() {
        return value;
    }

    /**
     * As tc and nftables write it, MAJOR:MINOR in hexadecimal.
     *
     * @param minor of which the lower 16 bits count
     */
    public String text(int minor) {
        return Integer.toHexString(value >>> 16) + ":" + Integer.toHexString(minor & 0xffff);
    }
}
