// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.Arrays;

/** Frames for benchmarks. */
final class BenchFrames {
    /** The delta of NAT on their checksum, a one's complement sum. */
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

    /** A VXLAN frame over IPv4, VNI 4109, with this length in bytes and a checksum with this sum. */
    static byte[] vxlan(int length, int sum) {
        byte[] frame = Arrays.copyOf(named("ipv4 observe, right checksum"), length);
        for (int i = UDP_AT + 16; i < length; i++) {
            frame[i] = (byte) (i * 7);
        }
        Words.put(frame, ETH_HLEN + 2, length - ETH_HLEN);
        Words.put(frame, UDP_AT + 4, length - UDP_AT);
        Words.put(frame, ETH_HLEN + 10, 0);
        int header = 0;
        for (int i = 0; i < IP_HLEN; i += 2) {
            header = Words.add(header, Words.get(frame, ETH_HLEN + i));
        }
        Words.put(frame, ETH_HLEN + 10, ~header);
        int right = Oracle.udpChecksum(frame, false, ETH_HLEN + 12, UDP_AT, length - UDP_AT);
        Words.put(frame, UDP_AT + 6, Words.add(right, sum));
        return frame;
    }
}
