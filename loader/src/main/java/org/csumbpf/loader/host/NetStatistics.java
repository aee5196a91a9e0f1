// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The packet counters of a network namespace since it was made, as nstat(8) shows them, and the drops of its sockets.
 *
 * @param ipv4 of IPv4
 * @param ipv6 of IPv6; zeroes if the kernel has none
 * @param xfrmInErrors packets that IPsec refused, by the kernel's name for the reason
 *     (Documentation/networking/xfrm_proc.rst); empty if the kernel has no CONFIG_XFRM_STATISTICS
 * @param udpDrops datagrams that the sockets of a UDP port (IPv4 and IPv6) have dropped, by local port in host order;
 *     without ports that have dropped none. The kernel's own sockets, those of tunnel devices, are included. A wrong
 *     checksum is counted here if the datagram has more than 76 bytes from its UDP header on; shorter ones are verified
 *     before the kernel knows the socket.
 */
public record NetStatistics(
        FamilyCounts ipv4, FamilyCounts ipv6, Map<String, Long> xfrmInErrors, Map<Integer, Long> udpDrops) {
    /** Columns of /proc/net/udp: number, local address and port, remote ones, state, queues, timer, retransmits, … */
    private static final int LOCAL = 1;

    private static final int DROPS = 12;

    /**
     * Of one IP version.
     *
     * @param udpChecksumErrors UDP datagrams dropped for a wrong checksum (UdpInCsumErrors, Udp6InCsumErrors)
     * @param reassembled datagrams put together from fragments (IpReasmOKs, Ip6ReasmOKs)
     */
    public record FamilyCounts(long udpChecksumErrors, long reassembled) {
        static final FamilyCounts NONE = new FamilyCounts(0, 0);
    }

    /** Reads those of the calling thread's network namespace. */
    public static NetStatistics read() {
        // Not /proc/net, which is that of the process' main thread.
        Path net = Path.of("/proc/thread-self/net");
        List<String> sockets = new ArrayList<>(lines(net.resolve("udp")));
        sockets.addAll(lines(net.resolve("udp6")));
        return parse(lines(net.resolve("snmp")), lines(net.resolve("snmp6")), lines(net.resolve("xfrm_stat")), sockets);
    }

    /**
     * The datagrams that the sockets of this port have dropped, as far as wrong checksums can explain them.
     *
     * @param port in host order
     */
    public long udpChecksumErrors(int port) {
        return Math.min(udpDrops.getOrDefault(port, 0L), ipv4.udpChecksumErrors() + ipv6.udpChecksumErrors());
    }

    static NetStatistics parse(List<String> snmp, List<String> snmp6, List<String> xfrm, List<String> sockets) {
        Map<String, Long> v4 = values(snmp);
        Map<String, Long> v6 = pairs(snmp6);
        Map<String, Long> errors = new TreeMap<>(pairs(xfrm));
        errors.keySet().removeIf(name -> !name.startsWith("XfrmIn"));
        return new NetStatistics(
                new FamilyCounts(v4.getOrDefault("Udp:InCsumErrors", 0L), v4.getOrDefault("Ip:ReasmOKs", 0L)),
                new FamilyCounts(v6.getOrDefault("Udp6InCsumErrors", 0L), v6.getOrDefault("Ip6ReasmOKs", 0L)),
                errors,
                drops(sockets));
    }

    /** A protocol has two lines: names, and values in the same order. The key is as "Udp:InErrors". */
    static Map<String, Long> values(List<String> lines) {
        Map<String, Long> found = new HashMap<>();
        for (int i = 0; i + 1 < lines.size(); i += 2) {
            List<String> names = Words.of(lines.get(i));
            List<String> values = Words.of(lines.get(i + 1));
            for (int field = 1; field < Math.min(names.size(), values.size()); field++) {
                found.put(names.get(0) + names.get(field), Long.parseLong(values.get(field)));
            }
        }
        return found;
    }

    private static Map<Integer, Long> drops(List<String> sockets) {
        Map<Integer, Long> drops = new HashMap<>();
        for (String line : sockets) {
            List<String> words = Words.of(line);
            int colon = words.size() > DROPS ? words.get(LOCAL).indexOf(':') : -1;
            if (colon >= 0 && !words.get(DROPS).equals("0")) {
                // The kernel prints an int, which may be negative.
                long count = Integer.toUnsignedLong((int) Long.parseLong(words.get(DROPS)));
                drops.merge(Integer.parseInt(words.get(LOCAL).substring(colon + 1), 16), count, Long::sum);
            }
        }
        return drops;
    }

    private static Map<String, Long> pairs(List<String> lines) {
        Map<String, Long> pairs = new HashMap<>();
        for (String line : lines) {
            List<String> words = Words.of(line);
            if (words.size() == 2) {
                pairs.put(words.get(0), Long.parseLong(words.get(1)));
            }
        }
        return pairs;
    }

    static List<String> lines(Path path) {
        try {
            return Files.readAllLines(path, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
