// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.XdpMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Recognises hosts on which the modules must not be loaded. OffloadHarmTest and WithoutEthernetTest have real ones. */
class OffloadSafetyTest {
    private static final int ESP = 50;
    private static final int AH = 51;
    private static final int COMP = 108;

    @Test
    void anOrdinaryHostIsUnharmed() {
        assertThat(harm(List.of(device(2, "eth0", "")), List.of(sa(ESP)), "192.0.2.1", 2))
                .isEmpty();
        assertThat(harm(List.of(), List.of(), "192.0.2.1", 2)).isEmpty();
    }

    @Test
    void openVswitch() {
        assertThat(harm(
                        List.of(device(2, "eth0", ""), device(3, "ovs-system", "openvswitch")),
                        List.of(),
                        "192.0.2.1",
                        2))
                .hasValueSatisfying(why -> assertThat(why).contains("Open vSwitch", "ovs-system"));
    }

    @Test
    void ipComp() {
        assertThat(harm(List.of(device(2, "eth0", "")), List.of(sa(ESP), sa(COMP)), "192.0.2.1", 2))
                .hasValueSatisfying(why -> assertThat(why).contains("IPComp"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ipip", "sit", "gre", "ip6tnl", "ip6gre"})
    void espInsideATunnel(String kind) {
        List<NetDevice> devices = List.of(device(2, "eth0", ""), device(7, "t0", kind));
        for (String own : List.of("192.0.2.1", "192.0.2.2")) { // an SA is for one direction
            assertThat(harm(devices, List.of(sa(ESP)), own, 7))
                    .hasValueSatisfying(why -> assertThat(why).contains("t0", kind));
        }
        assertThat(harm(devices, List.of(sa(ESP)), "192.0.2.1", 2))
                .as("ESP beside the tunnel")
                .isEmpty();
        assertThat(harm(devices, List.of(sa(ESP)), "192.0.2.3", 7))
                .as("another address")
                .isEmpty();
        assertThat(harm(devices, List.of(sa(AH)), "192.0.2.1", 7)).as("no ESP").isEmpty();
    }

    @Test
    void wireGuardIsUnharmed() {
        assertThat(harm(List.of(device(7, "wg0", "wireguard")), List.of(sa(ESP)), "192.0.2.1", 7))
                .isEmpty();
    }

    private static Optional<String> harm(
            List<NetDevice> devices, List<SecurityAssociation> associations, String own, int ifindex) {
        return OffloadSafety.harm(new NamespaceSnapshot(
                Reading.known(devices),
                Reading.known(List.of(new DeviceAddress(ifindex, address(own)))),
                Reading.of(() -> fail("not asked for")),
                Reading.known(associations),
                Reading.of(() -> fail("not asked for")),
                name -> fail("not asked for")));
    }

    private static SecurityAssociation sa(int protocol) {
        return new SecurityAssociation(1, protocol, address("192.0.2.1"), address("192.0.2.2"), 0, false);
    }

    private static InetAddress address(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static NetDevice device(int ifindex, String name, String kind) {
        return new NetDevice(ifindex, name, List.of(), 1, kind, 0, false, 0, 1500, XdpMode.NONE);
    }
}
