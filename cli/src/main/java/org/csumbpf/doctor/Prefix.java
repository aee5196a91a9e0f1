// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

/**
 * Addresses with a prefix length, as text. Asks no name server, because a bundle may hold any text. A host may have
 * thousands of policies and of peers, so this uses no regular expression.
 */
final class Prefix {
    private static final int IPV4_PARTS = 4;
    private static final int IPV6_PARTS = 8;

    private Prefix() {}

    /**
     * @param prefix as 10.0.0.0/8 or fd00:0:0:0:0:0:0:0/8; without a length: one address
     * @param address as {@link java.net.InetAddress#getHostAddress} writes it
     */
    static boolean covers(String prefix, String address) {
        int slash = prefix.indexOf('/');
        String network = slash < 0 ? prefix : prefix.substring(0, slash);
        if (network.equals(address)) {
            return true;
        }
        int[] wanted = parts(network);
        int[] given = parts(address);
        if (slash < 0 || wanted.length != given.length || given.length == 0) {
            return false;
        }
        int width = given.length == IPV6_PARTS ? Short.SIZE : Byte.SIZE;
        int length = number(prefix, slash + 1, prefix.length(), 10, given.length * width);
        if (length < 0) {
            return false;
        }
        for (int i = 0; i < given.length && length > 0; i++, length -= width) {
            int unimportant = Math.max(0, width - length);
            if (wanted[i] >> unimportant != given[i] >> unimportant) {
                return false;
            }
        }
        return true;
    }

    /** The numbers of an address; none: it is no address. */
    private static int[] parts(String address) {
        boolean ipv6 = address.indexOf(':') >= 0;
        int[] parts = new int[ipv6 ? IPV6_PARTS : IPV4_PARTS];
        int start = 0;
        for (int i = 0; i < parts.length; i++) {
            int end = address.indexOf(ipv6 ? ':' : '.', start);
            boolean last = i == parts.length - 1;
            if (end < 0 != last) {
                return new int[0];
            }
            parts[i] = number(address, start, last ? address.length() : end, ipv6 ? 16 : 10, ipv6 ? 0xffff : 0xff);
            if (parts[i] < 0) {
                return new int[0];
            }
            start = end + 1;
        }
        return parts;
    }

    /** A number of 1 to 4 digits that is not greater than the maximum; -1: it is none. */
    private static int number(String text, int start, int end, int radix, int maximum) {
        if (start == end || end - start > 4) {
            return -1;
        }
        int number = 0;
        for (int i = start; i < end; i++) {
            char digit = text.charAt(i);
            int value = digit < 128 ? Character.digit(digit, radix) : -1;
            if (value < 0) {
                return -1;
            }
            number = number * radix + value;
        }
        return number <= maximum ? number : -1;
    }
}
