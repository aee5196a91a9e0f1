// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

/**
 * The Internet checksum (RFC 1071), computed the plain way: 16-bit words in network order, added modulo 65,535. It
 * shares no step with the C code, which adds native 32-bit words in blocks. OracleTest compares it with Scapy.
 */
public final class Oracle {
    private Oracle() {}

    /** The right UDP checksum of a datagram, whatever its field holds; never 0 (RFC 768). */
    public static int udpChecksum(byte[] frame, boolean ipv6, int addresses, int udp, int length) {
        long sum = 17 + length;
        for (int i = 0; i < (ipv6 ? 32 : 8); i += 2) {
            sum += word(frame, addresses + i, addresses + 32);
        }
        for (int i = 0; i < length; i += 2) {
            if (i != 6) {
                sum += word(frame, udp + i, udp + length);
            }
        }
        int checksum = (int) (65535 - sum % 65535);
        return checksum == 0 ? 65535 : checksum;
    }

    /** Whether a receiver accepts the field: 0xffff and 0 are the same number to it. */
    static boolean accepts(int field, int right) {
        return field % 65535 == right % 65535;
    }

    private static int word(byte[] bytes, int at, int end) {
        int low = at + 1 < end ? bytes[at + 1] & 0xff : 0;
        return (bytes[at] & 0xff) << 8 | low;
    }
}
