// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LastUplinksTest {
    private static final Discovery NOTHING = new Discovery(List.of(), Map.of(), List.of(), List.of());

    @TempDir
    private Path folder;

    private final NetDevice eth0 = device(2, "eth0");
    private final NetDevice eth1 = device(3, "eth1");
    private final List<DeviceAddress> addresses =
            List.of(address(2, "10.0.0.2"), address(2, "fe80::1"), address(3, "10.1.0.2"));
    private final LastUplinks last = LastUplinks.of(
            new Discovery(List.of(uplink(eth0)), Map.of(4790, "a policy"), List.of(), List.of()), addresses);

    private static NetDevice device(int ifindex, String name) {
        return new NetDevice(ifindex, name, List.of(), 1, "", 0, false, 0, 1500, XdpMode.NONE);
    }

    private static DeviceAddress address(int ifindex, String text) {
        try {
            return new DeviceAddress(ifindex, InetAddress.getByName(text));
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static Discovery.Uplink uplink(NetDevice device) {
        return new Discovery.Uplink(device, List.of("receives ESP"), Optional.empty());
    }

    @Test
    void isTheSameAfterAReboot() throws IOException {
        last.write(folder);
        assertThat(LastUplinks.read(folder)).isEqualTo(last);
        Discovery found = last.addTo(NOTHING, List.of(eth0, eth1), addresses);
        assertThat(found.uplinks()).extracting(Discovery.Uplink::device).containsExactly(eth0);
        assertThat(found.ports()).containsOnlyKeys(4790);
    }

    @Test
    void anotherDeviceWithThatNameIsNotMeant() {
        assertThat(last.addTo(NOTHING, List.of(eth0), List.of(address(2, "10.0.0.3")))
                        .uplinks())
                .isEmpty();
        assertThat(last.addTo(NOTHING, List.of(eth1), List.of(address(3, "10.0.0.2")))
                        .uplinks())
                .isEmpty();
        assertThat(last.addTo(NOTHING, List.of(eth0), List.of(address(2, "fe80::1")))
                        .uplinks())
                .isEmpty();
    }

    @Test
    void whatIsFoundGoesBefore() {
        Discovery found = new Discovery(List.of(uplink(eth0)), Map.of(4789, "Docker"), List.of(), List.of());
        assertThat(last.addTo(found, List.of(eth0), addresses)).isEqualTo(found);
    }

    @Test
    void aDeviceThatCannotBeAttachedToIsNotKept() {
        Discovery.Uplink refused = new Discovery.Uplink(eth0, List.of("receives ESP"), Optional.of("no"));
        assertThat(LastUplinks.of(new Discovery(List.of(refused), Map.of(), List.of(), List.of()), addresses))
                .isEqualTo(LastUplinks.NONE);
    }

    @Test
    void aFileOfAnotherHand() throws IOException {
        assertThat(LastUplinks.read(folder)).isEqualTo(LastUplinks.NONE);
        Files.writeString(
                folder.resolve("uplinks"),
                "device\ndevice eth0\n\nport 0\nport 70000\nport -1\nport x\n\0\nport 4789 1\nport 4789\n");
        assertThat(LastUplinks.read(folder)).isEqualTo(new LastUplinks(Map.of(), Set.of(4789)));
        Files.write(folder.resolve("uplinks"), new byte[100_000]);
        assertThatThrownBy(() -> LastUplinks.read(folder)).isInstanceOf(IOException.class);
    }
}
