// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.discover;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.docker.OverlayNetwork;
import org.csumbpf.loader.host.ArrivalMonitor;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.IpsecPolicy;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.snapshot.VxlanDevice;
import org.junit.jupiter.api.Test;

/** What Discovery decides, for invented hosts. DiscoverTest has real ones. */
class DiscoveryTest {
    private static final String OWN = "10.0.0.2";
    private static final String PEER = "203.0.113.2";
    private static final int SPI = 0x87654321;

    private final List<NetDevice> links = new ArrayList<>(List.of(
            device(1, "lo", 772, ""), device(2, "eth0", 1, ""), device(3, "eth1", 1, ""), device(4, "vx", 1, "vxlan")));
    private final List<DeviceAddress> addresses =
            new ArrayList<>(List.of(new DeviceAddress(1, address("127.0.0.1")), new DeviceAddress(2, address(OWN))));
    private final List<SecurityAssociation> associations = new ArrayList<>();
    private final List<IpsecPolicy> policies = new ArrayList<>();
    private final List<Discovery.Located> vxlans = new ArrayList<>();
    private final Map<String, Integer> routes = new HashMap<>(Map.of(PEER, 2));
    private final List<ArrivalMonitor.Arrival> arrivals = new ArrayList<>();
    private Optional<DockerEngine> engine = Optional.empty();

    private Discovery discovery() {
        return Discovery.of(
                links,
                addresses,
                associations,
                policies,
                vxlans,
                arrivals,
                engine,
                to -> Optional.ofNullable(routes.get(to.getHostAddress())));
    }

    private List<String> names() {
        return discovery().uplinks().stream()
                .map(uplink -> uplink.device().name())
                .toList();
    }

    @Test
    void nothing() {
        assertThat(discovery()).isEqualTo(new Discovery(List.of(), Map.of(), List.of(), List.of()));
    }

    @Test
    void theDeviceWithTheAddressThatEspIsSentTo() {
        both(PEER, OWN, 0, false);
        assertThat(discovery().uplinks()).singleElement().satisfies(uplink -> {
            assertThat(uplink.device().name()).isEqualTo("eth0");
            assertThat(uplink.reasons()).containsExactly("receives ESP from " + PEER + " for " + OWN);
            assertThat(uplink.obstacle()).isEmpty();
        });
        assertThat(discovery().peers()).containsExactly(new Discovery.IpsecPeer(address(PEER), address(OWN), 2, false));
    }

    @Test
    void otherAssociationsNeedNoRepair() {
        both(PEER, OWN, 1, false); // tunnel mode
        both("203.0.113.3", OWN, 0, true); // in UDP
        sa(51, "203.0.113.4", OWN, 0, false); // AH
        both("203.0.113.5", "203.0.113.6", 0, false); // of two other hosts
        assertThat(names()).isEmpty();
        assertThat(discovery().peers())
                .singleElement()
                .satisfies(peer -> assertThat(peer.inUdp()).isTrue());
    }

    @Test
    void theAddressIsOnTheLoopbackDevice() {
        addresses.add(new DeviceAddress(1, address("192.0.2.9")));
        both(PEER, "192.0.2.9", 0, false);
        assertThat(names()).containsExactly("eth0");
        assertThat(discovery().uplinks().get(0).reasons()).containsExactly("has the route to " + PEER);
    }

    @Test
    void packetsComeInByAnotherDeviceThanTheOneWithTheAddress() {
        routes.put(PEER, 3);
        both(PEER, OWN, 0, false);
        assertThat(names()).containsExactly("eth0", "eth1");
    }

    @Test
    void aDeviceThatCannotBeAttachedTo() {
        addresses.add(new DeviceAddress(4, address("192.0.2.9")));
        routes.put(PEER, 4);
        both(PEER, "192.0.2.9", 0, false);
        assertThat(discovery().uplinks())
                .singleElement()
                .satisfies(uplink -> assertThat(uplink.obstacle().orElseThrow())
                        .contains("vx")
                        .contains("VXLAN"));
    }

    @Test
    void portsOfPoliciesAndOfDocker() {
        policies.add(new IpsecPolicy(true, 17, 4790, true));
        policies.add(new IpsecPolicy(true, 17, 500, false)); // not ESP in transport mode
        policies.add(new IpsecPolicy(false, 17, 4791, true)); // inbound
        policies.add(new IpsecPolicy(true, 6, 4792, true)); // TCP
        policies.add(new IpsecPolicy(true, 17, 0, true)); // all ports
        engine = Optional.of(new DockerEngine(true, Optional.empty(), List.of(), Optional.of(4789), List.of()));
        assertThat(discovery().ports().keySet()).containsExactly(4789, 4790);
        engine = Optional.of(new DockerEngine(false, Optional.empty(), List.of(), Optional.of(4789), List.of()));
        assertThat(discovery().ports().keySet()).as("no Swarm").containsExactly(4790);
    }

    @Test
    void aSwarmWithoutAssociationsYet() {
        engine = Optional.of(new DockerEngine(true, Optional.of(address(OWN)), List.of(), Optional.empty(), List.of()));
        assertThat(names()).containsExactly("eth0");
        // A node behind a NAT advertises an address that no device has.
        routes.put("203.0.113.7", 3);
        engine = Optional.of(new DockerEngine(
                true,
                Optional.of(address("203.0.113.10")),
                List.of(address("203.0.113.10"), address("203.0.113.7")),
                Optional.empty(),
                List.of()));
        assertThat(names()).containsExactly("eth1");
    }

    @Test
    void overlaysOfDockerAndOfTheKernel() {
        engine = Optional.of(new DockerEngine(
                true,
                Optional.empty(),
                List.of(),
                Optional.empty(),
                List.of(
                        new OverlayNetwork("backend", List.of(4097, 4098), true),
                        new OverlayNetwork("front", List.of(4099), false))));
        vxlans.add(new Discovery.Located(vxlan(4097), Optional.of("/run/docker/netns/1-abc")));
        vxlans.add(new Discovery.Located(vxlan(77), Optional.empty()));
        List<Discovery.Overlay> overlays = discovery().overlays();
        assertThat(overlays).extracting(Discovery.Overlay::vni).containsExactly(77, 4097, 4098, 4099);
        assertThat(overlays)
                .extracting(Discovery.Overlay::encrypted)
                .containsExactly(Optional.empty(), Optional.of(true), Optional.of(true), Optional.of(false));
        assertThat(overlays.get(1).devices()).hasSize(1);
        assertThat(overlays.get(1).networks()).containsExactly("backend");
    }

    @Test
    void packetsAreSeenOnADeviceThatNothingElseNames() {
        both(OWN, PEER, 0, false);
        assertThat(names()).containsExactly("eth0");
        arrivals.add(new ArrivalMonitor.Arrival(3, address("198.51.100.7"), address(OWN), OptionalInt.of(SPI)));
        assertThat(names())
                .as("its SPI counts, whatever NAT made of the source")
                .containsExactly("eth0", "eth1");
        arrivals.set(0, new ArrivalMonitor.Arrival(3, address(PEER), address(OWN), OptionalInt.empty()));
        assertThat(names()).as("VXLAN of a host with which there are SAs").containsExactly("eth0", "eth1");
        assertThat(discovery().uplinks().get(1).reasons())
                .containsExactly("packets from 203.0.113.2 for 10.0.0.2, between which there is ESP, come in by it");
        arrivals.set(0, new ArrivalMonitor.Arrival(2, address(PEER), address(OWN), OptionalInt.empty()));
        assertThat(discovery().uplinks().get(0).reasons())
                .as("known anyway")
                .containsExactly("receives ESP from 203.0.113.2 for 10.0.0.2");
    }

    @Test
    void whatCameInStaysKnownWhenKeysChange() {
        both(OWN, PEER, 0, false);
        arrivals.add(new ArrivalMonitor.Arrival(3, address(PEER), address(OWN), OptionalInt.of(SPI + 1)));
        assertThat(names()).containsExactly("eth0", "eth1");
        arrivals.set(0, new ArrivalMonitor.Arrival(3, address(PEER), address("10.0.0.3"), OptionalInt.of(SPI)));
        assertThat(names()).as("an address that has no SA").containsExactly("eth0");
        arrivals.set(0, new ArrivalMonitor.Arrival(99, address(PEER), address(OWN), OptionalInt.empty()));
        assertThat(names()).as("a device that is gone").containsExactly("eth0");
        associations.clear();
        both(OWN, PEER, 0, true);
        arrivals.set(0, new ArrivalMonitor.Arrival(3, address(PEER), address(OWN), OptionalInt.empty()));
        assertThat(names()).as("ESP in UDP needs no repair").isEmpty();
    }

    @Test
    void whatAnSaCarries() {
        both(OWN, PEER, 0, false);
        assertThat(carries(PEER, OWN, OptionalInt.of(SPI))).isTrue();
        assertThat(carries("198.51.100.7", OWN, OptionalInt.of(SPI)))
                .as("whatever NAT made of the source")
                .isTrue();
        assertThat(carries(PEER, OWN, OptionalInt.empty())).as("VXLAN").isTrue();
        assertThat(carries(PEER, OWN, OptionalInt.of(SPI + 1))).isFalse();
        assertThat(carries(PEER, "10.0.0.3", OptionalInt.of(SPI))).isFalse();
        assertThat(carries("203.0.113.3", OWN, OptionalInt.empty())).isFalse();
        associations.clear();
        both(OWN, PEER, 0, true);
        assertThat(carries(PEER, OWN, OptionalInt.of(SPI))).isFalse();
    }

    private boolean carries(String from, String to, OptionalInt spi) {
        return Discovery.carries(associations, new ArrivalMonitor.Arrival(3, address(from), address(to), spi));
    }

    private void both(String one, String other, int mode, boolean inUdp) {
        sa(50, one, other, mode, inUdp);
        sa(50, other, one, mode, inUdp);
    }

    private void sa(int protocol, String from, String to, int mode, boolean inUdp) {
        associations.add(new SecurityAssociation(SPI, protocol, address(from), address(to), mode, inUdp));
    }

    private static VxlanDevice vxlan(int vni) {
        return new VxlanDevice(9, "vxlan0", vni, 4789, false, true, true, 0, 0, 0, 1450, true);
    }

    private static NetDevice device(int ifindex, String name, int arphrd, String kind) {
        return new NetDevice(ifindex, name, List.of(), arphrd, kind, 0, false, 0, 1500, XdpMode.NONE);
    }

    private static InetAddress address(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
