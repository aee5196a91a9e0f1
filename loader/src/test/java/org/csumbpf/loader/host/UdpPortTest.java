// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.csumbpf.loader.host.UdpPort.Holder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UdpPortTest {
    private static final String HEADER =
            "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops";

    @TempDir
    Path proc;

    @Test
    void socketsAsTheKernelPrintsThem() {
        assertThat(UdpSocket.parse(List.of(
                        HEADER,
                        line("00000000:12B5", "4586087", "3"),
                        line("00000000000000000000000000000000:1389", "7", "-1"))))
                .containsExactly(new UdpSocket(4789, 4586087, 3), new UdpSocket(5001, 7, 4294967295L));
    }

    @Test
    void malformedLines() {
        assertThat(UdpSocket.parse(List.of(
                        "",
                        "junk",
                        "1: :",
                        "1: 00000000:XY 0 0",
                        "1: 00000000:12B51 0 0",
                        "1: 00000000:-1 0 0",
                        "1: 00000000:1 0 0",
                        line("00000000:2", "x", "99999999999999999999"))))
                .containsExactly(new UdpSocket(1, 0, 0), new UdpSocket(2, 0, 0));
    }

    @Test
    void portsOfSeveralSockets() {
        List<UdpSocket> sockets = List.of(
                new UdpSocket(4789, 10, 1),
                new UdpSocket(4789, 11, 2),
                new UdpSocket(53, 12, 0),
                new UdpSocket(53, 13, 4),
                new UdpSocket(53, 14, 0));
        assertThat(UdpPort.of(sockets, Set.of(13L), true))
                .isEqualTo(Map.of(
                        4789, new UdpPort(4789, 3, Holder.KERNEL),
                        53, new UdpPort(53, 4, Holder.PROCESS)));
        assertThat(UdpPort.of(sockets, Set.of(), false).get(4789).holder()).isEqualTo(Holder.UNKNOWN);
    }

    @Test
    void descriptorsOfProcesses() throws IOException {
        process("1", "socket:[10]", "anon_inode:[eventpoll]");
        process("77", "socket:[]", "socket:[x]", "socket:[0]", "pipe:[12]", "socket:[11]", "(deleted)");
        process("self", "socket:[13]");
        Files.createDirectory(proc.resolve("78"));
        Set<Long> missing = new HashSet<>(Set.of(10L, 11L, 12L, 13L));
        assertThat(UdpPort.seek(proc, missing)).isTrue();
        assertThat(missing).containsExactlyInAnyOrder(12L, 13L);
    }

    @Test
    void processesThatAreHidden() {
        assertThat(UdpPort.seek(proc, new HashSet<>(Set.of(1L)))).isFalse();
    }

    @Test
    void ownSocket() throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            assertThat(UdpPort.all().get(socket.getLocalPort()).holder()).isEqualTo(Holder.PROCESS);
        }
    }

    private void process(String pid, String... targets) throws IOException {
        Path descriptors = Files.createDirectories(proc.resolve(pid).resolve("fd"));
        for (int i = 0; i < targets.length; i++) {
            Files.createSymbolicLink(descriptors.resolve(Integer.toString(i)), Path.of(targets[i]));
        }
    }

    private static String line(String local, String inode, String drops) {
        return " 3914: " + local + " 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 " + inode
                + " 2 00000000e5466fdf " + drops + "       ";
    }
}
