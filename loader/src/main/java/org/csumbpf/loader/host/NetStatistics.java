// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
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
        return parse(
                lines(net.resolve("snmp")),
                lines(net.resolve("snmp6")),
                lines(net.resolve("xfrm_stat")),
                UdpSocket.lines());
    }

    /**
     * All counters of the calling thread's network namespace, by the names that nstat(8) prints: UdpInCsumErrors and
     * IpReasmFails of /proc/net/snmp, TcpExtIPReversePathFilter of netstat, Ip6ReasmFails of snmp6; XfrmInNoStates of
     * xfrm_stat; and NfConntrackInvalid, packets that connection tracking found invalid, on all CPUs (nf_conntrack_stat;
     * it wraps in 32 bits a CPU). What the kernel does not count is missing. A few are no counters but settings
     * (IpForwarding, IpDefaultTTL) and gauges (TcpCurrEstab); TcpMaxConn is negative.
     */
    public static Map<String, Long> counters() {
        Path net = Path.of("/proc/thread-self/net");
        Map<String, Long> counters = new TreeMap<>();
        for (String file : List.of("snmp", "netstat")) {
            values(lines(net.resolve(file))).forEach((name, value) -> counters.put(name.replace(":", ""), value));
        }
        for (String file : List.of("snmp6", "xfrm_stat")) {
            counters.putAll(pairs(lines(net.resolve(file))));
        }
        conntrackInvalid(lines(net.resolve("stat/nf_conntrack")))
                .ifPresent(count -> counters.put("NfConntrackInvalid", count));
        return counters;
    }

    /** The first line names the columns. The others have hexadecimal numbers, a line a CPU. */
    static OptionalLong conntrackInvalid(List<String> lines) {
        int column = lines.isEmpty() ? -1 : Words.of(lines.get(0)).indexOf("invalid");
        if (column < 0) {
            return OptionalLong.empty();
        }
        long sum = 0;
        for (String line : lines.subList(1, lines.size())) {
            List<String> words = Words.of(line);
            sum += words.size() > column ? number(words.get(column), 16).orElse(0) : 0;
        }
        return OptionalLong.of(sum);
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

    /**
     * A protocol has two lines: names, and values in the same order. The key is as "Udp:InErrors". What is no such pair,
     * or no number, is skipped.
     */
    static Map<String, Long> values(List<String> lines) {
        Map<String, Long> found = new HashMap<>();
        for (int i = 0; i + 1 < lines.size(); i++) {
            List<String> names = Words.of(lines.get(i));
            List<String> values = Words.of(lines.get(i + 1));
            if (names.isEmpty() || values.isEmpty() || !names.get(0).equals(values.get(0))) {
                continue;
            }
            for (int field = 1; field < Math.min(names.size(), values.size()); field++) {
                String name = names.get(0) + names.get(field);
                number(values.get(field), 10).ifPresent(value -> found.put(name, value));
            }
            i++;
        }
        return found;
    }

    /** Empty: it is none, or needs more than 64 bits. Unsigned numbers of 64 bits may become negative. */
    static OptionalLong number(String word, int radix) {
        try {
            return OptionalLong.of(
                    word.startsWith("-") ? Long.parseLong(word, radix) : Long.parseUnsignedLong(word, radix));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    private static Map<Integer, Long> drops(List<String> sockets) {
        Map<Integer, Long> drops = new HashMap<>();
        for (UdpSocket socket : UdpSocket.parse(sockets)) {
            if (socket.drops() != 0) {
                drops.merge(socket.port(), socket.drops(), Long::sum);
            }
        }
        return drops;
    }

    private static Map<String, Long> pairs(List<String> lines) {
        Map<String, Long> pairs = new HashMap<>();
        for (String line : lines) {
            List<String> words = Words.of(line);
            if (words.size() == 2) {
                number(words.get(1), 10).ifPresent(value -> pairs.put(words.get(0), value));
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
