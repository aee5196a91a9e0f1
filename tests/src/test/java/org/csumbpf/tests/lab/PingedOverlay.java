// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.util.List;

/**
 * A VXLAN between a {@link Lab}'s w1 and another namespace, which pings through it all the time. Without ESP, for the
 * host's kernel.
 */
public final class PingedOverlay implements AutoCloseable {
    public static final int VNI = 4109;
    public static final double PINGS_A_SECOND = 10;

    public final Lab lab = new Lab();
    private final Host peer = new Host(lab.name + "-peer");
    private final Process pings;

    public PingedOverlay() throws IOException {
        Lab.ip("netns", "add", peer.name);
        lab.ipIn("link", "set", "w0", "netns", peer.name);
        overlay(lab, "w1", 1);
        overlay(peer, "w0", 2);
        pings = new ProcessBuilder(peer.in("ping", "-q", "-i", Double.toString(1 / PINGS_A_SECOND), "10.0.9.1"))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static void overlay(Host host, String device, int end) {
        String local = "192.0.2." + end;
        String remote = "192.0.2." + (3 - end);
        for (String command : List.of(
                "sysctl -qw net.ipv6.conf.default.disable_ipv6=1",
                "ip addr add " + local + "/24 dev " + device,
                "ip link set " + device + " up",
                "ip link add vxlan0 type vxlan id " + VNI + " dstport 4789 local " + local + " remote " + remote
                        + " udpcsum",
                "ip addr add 10.0.9." + end + "/24 dev vxlan0",
                "ip link set vxlan0 up")) {
            host.run(command.split(" ")).ok();
        }
    }

    @Override
    public void close() throws InterruptedException {
        pings.destroy();
        pings.waitFor();
        lab.close();
        Case.takeDownLater(() -> Lab.ip("netns", "del", peer.name));
    }
}
