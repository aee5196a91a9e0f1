// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.discover;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.docker.OverlayNetwork;
import org.csumbpf.loader.host.ArrivalMonitor;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.IpsecPolicy;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.snapshot.LinkType;
import org.csumbpf.snapshot.VxlanDevice;

/**
 * What of a network namespace needs repair: the devices that ESP in transport mode comes in by, the UDP ports of VXLAN
 * that it carries, the overlays and the other hosts. Decided from what was read, without the kernel.
 *
 * @param uplinks devices that csumbpf should be attached to, and those that it cannot be attached to. ESP in UDP (NAT
 *     traversal) needs no repair
 * @param ports UDP ports of VXLAN, in host order, with the reason
 * @param overlays by VNI
 * @param peers hosts with which there are SAs
 */
public record Discovery(
        List<Uplink> uplinks, Map<Integer, String> ports, List<Overlay> overlays, List<IpsecPeer> peers) {
    /**
     * A device by which ESP comes in, or will.
     *
     * @param reasons what is known of it, as sentences without a full stop
     * @param obstacle why csumbpf cannot be attached to it; empty: it can
     */
    public record Uplink(NetDevice device, List<String> reasons, Optional<String> obstacle) {
        /** With the obstacle that the device's type is. */
        public static Uplink of(NetDevice device, Collection<String> reasons) {
            return new Uplink(
                    device, List.copyOf(reasons), LinkType.refusal(device).map(Throwable::getMessage));
        }
    }

    /**
     * @param networks names of Docker's networks with this VNI
     * @param encrypted whether Docker encrypts it; empty: Docker does not know it
     * @param devices its VXLAN devices that were found
     */
    public record Overlay(int vni, List<String> networks, Optional<Boolean> encrypted, List<Located> devices) {}

    /**
     * A VXLAN device.
     *
     * @param netns where it is; empty: in the namespace that was asked for
     */
    public record Located(VxlanDevice device, Optional<String> netns) {}

    /**
     * Another host.
     *
     * @param address as this host knows it
     * @param local address of this host
     * @param associations number of SAs in both directions
     * @param inUdp whether ESP travels in UDP (NAT traversal)
     */
    public record IpsecPeer(InetAddress address, InetAddress local, int associations, boolean inUdp) {}

    /**
     * @param arrivals packets that came in by devices which nothing else names, and that an SA carried then
     * @param engine of Docker, if there is one
     * @param route the ifindex of the device by which packets to an address leave; asked once for each address
     */
    public static Discovery of(
            List<NetDevice> links,
            List<DeviceAddress> addresses,
            List<SecurityAssociation> associations,
            List<IpsecPolicy> policies,
            List<Located> vxlans,
            List<ArrivalMonitor.Arrival> arrivals,
            Optional<DockerEngine> engine,
            Function<InetAddress, Optional<Integer>> route) {
        List<SecurityAssociation> transport = associations.stream()
                .filter(sa -> sa.isEsp() && sa.isTransport())
                .toList();
        // A peer has several SAs, one for each of its keys.
        Map<InetAddress, Optional<Integer>> routes = new HashMap<>();
        return new Discovery(
                uplinks(
                        links,
                        addresses,
                        transport,
                        arrivals,
                        engine,
                        address -> routes.computeIfAbsent(address, route)),
                ports(policies, engine),
                overlays(vxlans, engine),
                peers(addresses, transport));
    }

    private static List<Uplink> uplinks(
            List<NetDevice> links,
            List<DeviceAddress> addresses,
            List<SecurityAssociation> transport,
            List<ArrivalMonitor.Arrival> arrivals,
            Optional<DockerEngine> engine,
            Function<InetAddress, Optional<Integer>> route) {
        Map<Integer, Set<String>> reasons = new TreeMap<>();
        for (SecurityAssociation sa : transport) {
            if (sa.inUdp()) {
                continue; // the kernel accepts what was in it without a checksum (RFC 3948 section 3.1.2)
            }
            List<Integer> owners = owners(addresses, sa.destination());
            String receives = "receives ESP from " + sa.source().getHostAddress() + " for "
                    + sa.destination().getHostAddress();
            owners.stream()
                    .filter(ifindex -> ifindex != NetDevice.LOOPBACK)
                    .forEach(ifindex -> add(reasons, ifindex, receives));
            if (!owners.isEmpty()) {
                // The address may be on lo, and packets may come in by another device than the one that has it.
                route.apply(sa.source())
                        .filter(ifindex -> !owners.contains(ifindex))
                        .ifPresent(ifindex -> add(
                                reasons,
                                ifindex,
                                "has the route to " + sa.source().getHostAddress()));
            }
        }
        for (ArrivalMonitor.Arrival arrival : arrivals) {
            // Whether an SA carried it was known when it came. Since then keys may have changed.
            if (!reasons.containsKey(arrival.ifindex())
                    && transport.stream()
                            .anyMatch(sa -> !sa.inUdp() && sa.destination().equals(arrival.destination()))) {
                add(
                        reasons,
                        arrival.ifindex(),
                        "packets from " + arrival.source().getHostAddress() + " for "
                                + arrival.destination().getHostAddress()
                                + ", between which there is ESP, come in by it");
            }
        }
        engine.filter(DockerEngine::swarm).ifPresent(docker -> {
            docker.address()
                    .ifPresent(address -> owners(addresses, address)
                            .forEach(ifindex -> add(
                                    reasons,
                                    ifindex,
                                    "has this node's address in Docker's Swarm, " + address.getHostAddress())));
            // Behind a NAT no device has the address that the node advertises.
            for (InetAddress manager : docker.managers()) {
                if (owners(addresses, manager).isEmpty() && !docker.address().equals(Optional.of(manager))) {
                    route.apply(manager)
                            .ifPresent(ifindex -> add(
                                    reasons,
                                    ifindex,
                                    "has the route to " + manager.getHostAddress() + ", a manager of Docker's Swarm"));
                }
            }
        });
        List<Uplink> uplinks = new ArrayList<>();
        for (NetDevice link : links) {
            Set<String> known = reasons.get(link.ifindex());
            if (known != null) {
                uplinks.add(Uplink.of(link, known));
            }
        }
        return uplinks;
    }

    /**
     * Whether a packet is one of an SA that needs repair, or goes the same way. What was ESP on the wire may be decrypted
     * before it is seen, and where a host sends VXLAN of one network by, it sends that of the others by, too.
     */
    public static boolean carries(List<SecurityAssociation> associations, ArrivalMonitor.Arrival arrival) {
        return associations.stream()
                .filter(sa -> sa.isEsp() && sa.isTransport() && !sa.inUdp())
                .filter(sa -> sa.destination().equals(arrival.destination()))
                .anyMatch(sa -> arrival.spi().isPresent()
                        ? arrival.spi().getAsInt() == sa.spi()
                        : arrival.source().equals(sa.source()));
    }

    private static void add(Map<Integer, Set<String>> reasons, int ifindex, String reason) {
        reasons.computeIfAbsent(ifindex, i -> new LinkedHashSet<>()).add(reason);
    }

    private static List<Integer> owners(List<DeviceAddress> addresses, InetAddress address) {
        return addresses.stream()
                .filter(own -> own.address().equals(address))
                .map(DeviceAddress::ifindex)
                .distinct()
                .toList();
    }

    private static Map<Integer, String> ports(List<IpsecPolicy> policies, Optional<DockerEngine> engine) {
        Map<Integer, String> ports = new TreeMap<>();
        for (IpsecPolicy policy : policies) {
            if (policy.outbound() && policy.isUdp() && policy.transportEsp() && policy.destinationPort() != 0) {
                ports.put(policy.destinationPort(), "an IPsec policy encrypts what is sent to it");
            }
        }
        engine.filter(DockerEngine::swarm)
                .flatMap(DockerEngine::dataPathPort)
                .ifPresent(port -> ports.putIfAbsent(port, "the data path port of Docker's Swarm"));
        return ports;
    }

    private static List<Overlay> overlays(List<Located> vxlans, Optional<DockerEngine> engine) {
        Map<Integer, List<OverlayNetwork>> networks = new TreeMap<>();
        for (OverlayNetwork network : engine.map(DockerEngine::networks).orElse(List.of())) {
            network.vnis()
                    .forEach(vni -> networks.computeIfAbsent(vni, v -> new ArrayList<>())
                            .add(network));
        }
        Map<Integer, List<Located>> devices = vxlans.stream()
                .collect(Collectors.groupingBy(
                        located -> (int) located.device().id(), TreeMap::new, Collectors.toList()));
        Set<Integer> vnis = new HashSet<>(networks.keySet());
        vnis.addAll(devices.keySet());
        return vnis.stream()
                .sorted()
                .map(vni -> {
                    List<OverlayNetwork> named = networks.getOrDefault(vni, List.of());
                    return new Overlay(
                            vni,
                            named.stream().map(OverlayNetwork::name).toList(),
                            named.isEmpty()
                                    ? Optional.empty()
                                    : Optional.of(named.stream().anyMatch(OverlayNetwork::encrypted)),
                            devices.getOrDefault(vni, List.of()));
                })
                .toList();
    }

    private static List<IpsecPeer> peers(List<DeviceAddress> addresses, List<SecurityAssociation> transport) {
        Map<List<InetAddress>, List<SecurityAssociation>> byEnds = new LinkedHashMap<>();
        for (SecurityAssociation sa : transport) {
            boolean inbound = !owners(addresses, sa.destination()).isEmpty();
            boolean outbound = !owners(addresses, sa.source()).isEmpty();
            // Of SAs between two others, or between two addresses of this host, nothing is known.
            if (inbound != outbound) {
                byEnds.computeIfAbsent(
                                inbound
                                        ? List.of(sa.source(), sa.destination())
                                        : List.of(sa.destination(), sa.source()),
                                ends -> new ArrayList<>())
                        .add(sa);
            }
        }
        List<IpsecPeer> peers = new ArrayList<>();
        byEnds.forEach((ends, all) -> peers.add(new IpsecPeer(
                ends.get(0), ends.get(1), all.size(), all.stream().anyMatch(SecurityAssociation::inUdp))));
        peers.sort(Comparator.comparing(peer -> peer.address().getHostAddress()));
        return peers;
    }
}
