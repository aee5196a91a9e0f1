// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.junit.jupiter.api.Test;

/**
 * Which devices a packet can come from, for invented devices. StackedDevicesTest and OffloadHarmTest have real ones.
 */
class NftPlansTest {
    private final NetDevice card = device(2, "eth0", "", 0, 5);
    private final List<NetDevice> ovs = List.of(
            card,
            device(3, "eth1", "", 0, 0),
            device(5, "ovs-system", "openvswitch", 0, 0),
            device(6, "br0", "openvswitch", 0, 0),
            device(7, "br0.7", "vlan", 6, 0));

    @Test
    void aPortOfOpenVswitchEndsInItsInternalPorts() {
        assertThat(NftPlans.withUppers(card, ovs)).containsExactly(2, 5, 6, 7);
        assertThat(NftPlans.withUppers(ovs.get(3), ovs)).as("of br0").containsExactly(6, 7);
        assertThat(NftPlans.withUppers(ovs.get(1), ovs)).as("no port").containsExactly(3);
    }

    @Test
    void aMemberOfABondOrBridgeEndsInIt() {
        List<NetDevice> all = List.of(
                card,
                device(5, "bond0", "bond", 0, 0),
                device(6, "vlan6", "vlan", 5, 0),
                device(7, "br0", "bridge", 0, 0));
        assertThat(NftPlans.withUppers(card, all)).containsExactly(2, 5, 6);
    }

    private static NetDevice device(int ifindex, String name, String kind, int lower, int master) {
        return new NetDevice(ifindex, name, List.of(), 1, kind, lower, false, master, 1500, XdpMode.NONE);
    }
}
