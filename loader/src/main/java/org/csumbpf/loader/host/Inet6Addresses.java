// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Which devices of the calling thread's network namespace have IPv6 addresses (/proc/net/if_inet6). */
public final class Inet6Addresses {
    private static final Path FILE = Path.of("/proc/thread-self/net/if_inet6");
    /** IPV6_ADDR_SCOPE_MASK of the kernel's net/ipv6.h: global and unique local addresses, and those of the loopback device. */
    private static final int SCOPE_GLOBAL = 0x00;

    private static final int SCOPE_HOST = 0x10;

    private Inet6Addresses() {}

    /** The ifindexes of devices with an address that reaches beyond their link. */
    public static Set<Integer> globalDevices() {
        return devices(read(), SCOPE_GLOBAL);
    }

    /** Whether there is a ::1. */
    public static boolean hasLoopback() {
        return !devices(read(), SCOPE_HOST).isEmpty();
    }

    /** @param lines address, ifindex, prefix length, scope, flags (all hexadecimal), name */
    static Set<Integer> devices(List<String> lines, int scope) {
        Set<Integer> devices = new TreeSet<>();
        for (String line : lines) {
            String[] fields = line.trim().split("\\s+");
            if (Integer.parseInt(fields[3], 16) == scope) {
                devices.add(Integer.parseInt(fields[1], 16));
            }
        }
        return devices;
    }

    private static List<String> read() {
        try {
            // Names are bytes: as ISO 8859-1 any are read, and only what is ASCII is looked at.
            return Files.readAllLines(FILE, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return List.of(); // a kernel without IPv6
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
