// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramSocket;
import java.util.Map;
import org.csumbpf.loader.host.UdpPort;
import org.csumbpf.loader.host.UdpPort.Holder;
import org.csumbpf.tests.lab.Lab;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whose the sockets of a UDP port are. */
@Tag("root")
class UdpPortTest {
    @Test
    void tunnelDevicesAndProcesses() throws Exception {
        try (Lab lab = new Lab(false)) {
            lab.receive("w1", "192.0.2.2");
            lab.vxlan("vx", 4789, "w1", "192.0.2.2");
            try (DatagramSocket socket = lab.call(() -> new DatagramSocket(5000))) {
                Map<Integer, UdpPort> ports = lab.call(UdpPort::all);
                assertThat(ports).containsOnlyKeys(4789, 5000);
                assertThat(ports.get(5000)).isEqualTo(new UdpPort(socket.getLocalPort(), 0, Holder.PROCESS));
                assertThat(ports.get(4789).holder())
                        .as("the kernel's; unknown on a host that hides descriptors from root")
                        .isIn(Holder.KERNEL, Holder.UNKNOWN);
            }
            lab.ipIn("link", "set", "vx", "down");
            assertThat(lab.call(UdpPort::all)).as("a device that is down").isEmpty();
        }
    }
}
