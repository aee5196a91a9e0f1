// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

/** Reads, writes and adds 16-bit words of a frame, in network byte order. */
final class Words {
    private Words() {}

    static int get(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
    }

    static void put(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }

    /** The one's complement sum, as checksums are added (RFC 1071). */
    static int add(int a, int b) {
        return (a + b & 0xffff) + (a + b >> 16);
    }
}
