// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import org.csumbpf.loader.host.InterfaceName;

/** Members of structs that are more than a number: what the codecs share. */
final class Members {
    /** Of linux/if.h: bytes of an interface name, with the terminating 0. */
    static final int IFNAMSIZ = 16;

    private Members() {}

    static int bits(Set<HostChange> changes) {
        int bits = 0;
        for (HostChange change : changes) {
            bits |= 1 << change.ordinal();
        }
        return bits;
    }

    static Set<HostChange> changes(int bits) {
        EnumSet<HostChange> set = EnumSet.noneOf(HostChange.class);
        for (HostChange change : HostChange.values()) {
            if ((bits & 1 << change.ordinal()) != 0) {
                set.add(change);
            }
        }
        return set;
    }

    static byte[] ifnameBytes(String ifname) {
        byte[] name = InterfaceName.encode(ifname);
        if (name.length >= IFNAMSIZ) {
            throw new IllegalArgumentException("interface name longer than IFNAMSIZ allows: " + ifname);
        }
        return name;
    }

    static String ifname(byte[] name) {
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        return InterfaceName.decode(Arrays.copyOf(name, length));
    }

    /** Writes 16 bytes; IPv4 as a mapped address (RFC 4291 section 2.5.5.2). */
    static void putAddress(ByteBuffer buffer, int at, InetAddress value) {
        byte[] address = value.getAddress();
        if (address.length == 4) {
            buffer.put(at + 10, (byte) 0xff).put(at + 11, (byte) 0xff);
        }
        buffer.put(at + 16 - address.length, address);
    }

    static InetAddress address(ByteBuffer buffer, int base, StructLayout.Field field) {
        try {
            // Returns an Inet4Address if the address is mapped.
            return InetAddress.getByAddress(field.getBytes(buffer, base));
        } catch (UnknownHostException e) {
            throw new AssertionError("16 bytes are an address", e);
        }
    }

    /** Reads a checksum, or a sum of that kind, in network byte order. */
    static int sum16(ByteBuffer buffer, int base, StructLayout.Field field) {
        return Short.toUnsignedInt(networkOrder((short) field.getU16(buffer, base)));
    }

    static <E> E constant(E[] values, int ordinal, String member) {
        if (ordinal < 0 || ordinal >= values.length) {
            throw new OtherVersionException(member + " is " + ordinal
                    + ", which this version of csumbpf does not know: written by a newer version?");
        }
        return values[ordinal];
    }

    static short networkOrder(short value) {
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Short.reverseBytes(value);
    }

    static int networkOrder(int value) {
        return ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? value : Integer.reverseBytes(value);
    }
}
