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

/**
 * Which devices of a network namespace have IPv6 addresses (/proc/net/if_inet6).
 *
 * @param globalDevices the ifindexes of devices with an address that is valid beyond their link
 * @param loopback whether there is a ::1
 */
public record Inet6Addresses(Set<Integer> globalDevices, boolean loopback) {
    private static final Path FILE = Path.of("/proc/thread-self/net/if_inet6");
    /** IPV6_ADDR_SCOPE_MASK of the kernel's net/ipv6.h. GLOBAL: global and unique local addresses; HOST: lo's. */
    private static final int SCOPE_GLOBAL = 0x00;

    private static final int SCOPE_HOST = 0x10;

    public Inet6Addresses {
        globalDevices = Set.copyOf(globalDevices);
    }

    /** Reads those of the calling thread's network namespace. */
    public static Inet6Addresses read() {
        List<String> lines = lines();
        return new Inet6Addresses(
                devices(lines, SCOPE_GLOBAL), !devices(lines, SCOPE_HOST).isEmpty());
    }

    /** @param lines address, ifindex, prefix length, scope, flags (all hexadecimal), name */
    static Set<Integer> devices(List<String> lines, int scope) {
        Set<Integer> devices = new TreeSet<>();
        for (String line : lines) {
            List<String> fields = Words.of(line);
            if (Integer.parseInt(fields.get(3), 16) == scope) {
                devices.add(Integer.parseInt(fields.get(1), 16));
            }
        }
        return devices;
    }

    private static List<String> lines() {
        try {
            // A device's name may hold any bytes, all of which ISO 8859-1 decodes. Only ASCII fields are used.
            return Files.readAllLines(FILE, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return List.of(); // a kernel without IPv6
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
