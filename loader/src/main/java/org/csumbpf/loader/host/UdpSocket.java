// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A line of /proc/net/udp or udp6.
 *
 * @param port local port, in host order
 * @param inode in sockfs; 0: none
 * @param drops datagrams that it has dropped
 */
record UdpSocket(int port, long inode, long drops) {
    /** Columns: number, local address and port, remote ones, state, queues, timer, retransmits, uid, timeout, inode, … */
    private static final int LOCAL = 1;

    private static final int INODE = 9;
    private static final int DROPS = 12;
    private static final int HIGHEST_PORT = 0xffff;

    /** The sockets of the calling thread's network namespace, as lines of both files. */
    static List<String> lines() {
        Path net = Path.of("/proc/thread-self/net");
        List<String> lines = new ArrayList<>(NetStatistics.lines(net.resolve("udp")));
        lines.addAll(NetStatistics.lines(net.resolve("udp6")));
        return lines;
    }

    /** A line without a port, as the first one, is skipped; another number that is missing or malformed is 0. */
    static List<UdpSocket> parse(List<String> lines) {
        List<UdpSocket> sockets = new ArrayList<>();
        for (String line : lines) {
            List<String> words = Words.of(line);
            String local = words.size() > LOCAL ? words.get(LOCAL) : "";
            long port = NetStatistics.number(local.substring(local.indexOf(':') + 1), 16)
                    .orElse(-1);
            if (local.indexOf(':') >= 0 && port >= 0 && port <= HIGHEST_PORT) {
                // The kernel prints the drops as an int, which may be negative.
                long drops = Integer.toUnsignedLong((int) number(words, DROPS));
                sockets.add(new UdpSocket((int) port, number(words, INODE), drops));
            }
        }
        return sockets;
    }

    private static long number(List<String> words, int column) {
        return words.size() > column
                ? NetStatistics.number(words.get(column), 10).orElse(0)
                : 0;
    }
}
