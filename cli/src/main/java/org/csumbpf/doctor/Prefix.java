// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

/** Addresses with a prefix length, as text. Asks no name server, because a bundle may hold any text. */
final class Prefix {
    private static final int IPV4_PARTS = 4;
    private static final int IPV6_PARTS = 8;

    private Prefix() {}

    /**
     * @param prefix as 10.0.0.0/8 or fd00:0:0:0:0:0:0:0/8; without a length: one address
     * @param address as {@link java.net.InetAddress#getHostAddress} writes it
     */
    static boolean covers(String prefix, String address) {
        String[] parts = prefix.split("/", 2);
        String network = bits(parts[0]);
        String bits = bits(address);
        if (parts[0].equals(address)) {
            return true;
        }
        if (parts.length < 2 || !parts[1].matches("\\d{1,3}") || bits.isEmpty() || bits.length() != network.length()) {
            return false;
        }
        int length = Integer.parseInt(parts[1]);
        return length <= bits.length() && bits.startsWith(network.substring(0, length));
    }

    /** Ones and zeroes; empty: it is no address. */
    private static String bits(String address) {
        boolean ipv6 = address.contains(":");
        String[] parts = address.split(ipv6 ? ":" : "\\.", -1);
        int width = ipv6 ? Short.SIZE : Byte.SIZE;
        if (parts.length != (ipv6 ? IPV6_PARTS : IPV4_PARTS)) {
            return "";
        }
        StringBuilder bits = new StringBuilder();
        for (String part : parts) {
            if (!part.matches(ipv6 ? "[0-9a-fA-F]{1,4}" : "\\d{1,3}")) {
                return "";
            }
            int number = Integer.parseInt(part, ipv6 ? 16 : 10);
            bits.append(Integer.toBinaryString(number | 1 << width).substring(1, width + 1));
        }
        return bits.toString();
    }
}
