// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * What can explain packets that a network namespace did not take, besides {@link NetStatistics}.
 *
 * @param reversePath packets that rp_filter refused (IPReversePathFilter of nstat(8)), since the namespace was made
 * @param udpPorts local ports of UDP sockets, in host order, tunnel devices included
 * @param iptablesLegacy whether x_tables (iptables-legacy) has tables here, which nftables does not show
 */
public record ReceiveDrops(long reversePath, Set<Integer> udpPorts, boolean iptablesLegacy) {
    /** Reads those of the calling thread's network namespace. */
    public static ReceiveDrops read() {
        Path net = Path.of("/proc/thread-self/net");
        List<String> legacy = new ArrayList<>(NetStatistics.lines(net.resolve("ip_tables_names")));
        legacy.addAll(NetStatistics.lines(net.resolve("ip6_tables_names")));
        return parse(NetStatistics.lines(net.resolve("netstat")), UdpSocket.lines(), legacy);
    }

    static ReceiveDrops parse(List<String> netstat, List<String> sockets, List<String> legacy) {
        Set<Integer> ports = new TreeSet<>();
        UdpSocket.parse(sockets).forEach(socket -> ports.add(socket.port()));
        return new ReceiveDrops(
                NetStatistics.values(netstat).getOrDefault("TcpExt:IPReversePathFilter", 0L), ports, !legacy.isEmpty());
    }
}
