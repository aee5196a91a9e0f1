// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.Arrays;

/** Frames to measure with. */
final class BenchFrames {
    /** What NAT does to their checksum, as a one's complement sum. */
    static final int NAT = 0x1234;

    private static final int ETH_HLEN = 14;
    private static final int IP_HLEN = 20;
    private static final int UDP_AT = ETH_HLEN + IP_HLEN;

    private BenchFrames() {}

    static byte[] named(String name) {
        return PacketCase.all().stream()
                .filter(c -> c.name().equals(name))
                .findFirst()
                .orElseThrow()
                .in();
    }

    /** VXLAN over IPv4, VNI 4109, as long as is said, whose checksum has this sum. */
    static byte[] vxlan(int length, int sum) {
        byte[] frame = Arrays.copyOf(named("ipv4 observe, right checksum"), length);
        for (int i = UDP_AT + 16; i < length; i++) {
            frame[i] = (byte) (i * 7);
        }
        put(frame, ETH_HLEN + 2, length - ETH_HLEN);
        put(frame, UDP_AT + 4, length - UDP_AT);
        put(frame, ETH_HLEN + 10, 0);
        int header = 0;
        for (int i = 0; i < IP_HLEN; i += 2) {
            header += (frame[ETH_HLEN + i] & 0xff) << 8 | frame[ETH_HLEN + i + 1] & 0xff;
        }
        put(frame, ETH_HLEN + 10, ~((header & 0xffff) + (header >> 16)));
        int checksum = Oracle.udpChecksum(frame, false, ETH_HLEN + 12, UDP_AT, length - UDP_AT) + sum;
        put(frame, UDP_AT + 6, (checksum & 0xffff) + (checksum >> 16));
        return frame;
    }

    private static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }
}
