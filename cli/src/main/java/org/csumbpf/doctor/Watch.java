// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.csumbpf.doctor.HostState.Association;
import org.csumbpf.doctor.HostState.Device;
import org.csumbpf.doctor.HostState.Network;
import org.csumbpf.doctor.HostState.Policy;
import org.csumbpf.doctor.HostState.Vxlan;
import org.csumbpf.maps.Config;

/**
 * A host over some seconds: its state before and after them, and what was seen meanwhile. What follows from that without
 * a judgement is here, for all checks; it is computed once, because a host may have thousands of SAs and peers.
 */
public final class Watch {
    /** Fewer packets may be a coincidence: keys that change, a packet that was on its way. */
    static final long SOME = 3;
    /** Docker's number for marks and reqids. */
    static final long DOCKER = 0xd0c4e3;

    private static final int UDP = 17;

    private final HostState before;
    private final HostState after;
    private final double seconds;
    private final List<Seen> seen;
    private final List<Probe> probes;
    private final Supplier<Set<String>> ownAddresses = once(this::findOwnAddresses);
    private final Supplier<Set<Integer>> encryptedVnis = once(this::findEncryptedVnis);
    private final Supplier<List<Policy>> udpPolicies = once(this::findUdpPolicies);
    private final Supplier<List<Vxlan>> encryptedDevices = once(this::findEncryptedDevices);
    private final Supplier<Map<String, String>> expectedPeers = once(this::findExpectedPeers);
    private final Supplier<List<Association>> overlayEsp = once(this::findOverlayEsp);
    private final Supplier<Map<Association.Id, Association>> earlier = once(this::findEarlier);
    private final Supplier<Map<String, Exchange>> exchanges = once(this::findExchanges);
    private final Supplier<List<String>> uplinks = once(this::findUplinks);

    /**
     * @param before null: as after
     * @param seconds between the states
     * @param seen ESP and VXLAN packets; null: packets could not be watched
     * @param probes what pings to the peers learned
     */
    @JsonCreator
    public Watch(
            @JsonProperty("before") HostState before,
            @JsonProperty("after") HostState after,
            @JsonProperty("seconds") double seconds,
            @JsonProperty("seen") List<Seen> seen,
            @JsonProperty("probes") List<Probe> probes) {
        this.before = before == null ? after : before;
        this.after = after;
        this.seconds = seconds;
        this.seen = seen == null
                ? null
                : seen.stream().filter(packet -> packet != null).toList();
        this.probes = probes == null
                ? List.of()
                : probes.stream().filter(probe -> probe != null).toList();
    }

    private static <T> Supplier<T> once(Supplier<T> compute) {
        return new Supplier<>() {
            private T value;

            @Override
            public T get() {
                if (value == null) {
                    value = compute.get();
                }
                return value;
            }
        };
    }

    @JsonProperty
    public HostState before() {
        return before;
    }

    @JsonProperty
    public HostState after() {
        return after;
    }

    @JsonProperty
    public double seconds() {
        return seconds;
    }

    /** Null: packets could not be watched. */
    @JsonProperty
    public List<Seen> seen() {
        return seen;
    }

    @JsonProperty
    public List<Probe> probes() {
        return probes;
    }

    /**
     * What a peer and this host exchanged in ESP, in packets.
     *
     * @param in decrypted
     * @param out encrypted
     * @param seenIn that came, decrypted or not, as far as that was seen
     */
    record Exchange(long in, long out, long seenIn) {
        Exchange plus(long moreIn, long moreOut, long moreSeen) {
            return new Exchange(in + moreIn, out + moreOut, seenIn + moreSeen);
        }
    }

    /** A state alone, without what happened. */
    static Watch of(HostState state) {
        return new Watch(state, state, 0, null, null);
    }

    boolean packetsWatched() {
        return seen != null;
    }

    List<Seen> packets() {
        return seen == null ? List.of() : seen;
    }

    /** How much a counter rose; 0 if it was not read both times. */
    long rise(String counter) {
        Long then = before.counters().get(counter);
        Long now = after.counters().get(counter);
        return then == null || now == null ? 0 : rise(then, now);
    }

    /** What is less than before counts anew: the object that has the counter was made again. */
    static long rise(long then, long now) {
        return now < then ? now : now - then;
    }

    /** Whether a part was read both times. */
    boolean wasRead(String part) {
        return !before.notRead().containsKey(part) && !after.notRead().containsKey(part);
    }

    long rise(String ipv4, String ipv6) {
        return rise(ipv4) + rise(ipv6);
    }

    Set<String> ownAddresses() {
        return ownAddresses.get();
    }

    private Set<String> findOwnAddresses() {
        Set<String> own = new HashSet<>();
        for (Device device : after.devices()) {
            own.addAll(device.addresses());
        }
        return Collections.unmodifiableSet(own);
    }

    /** ESP in transport mode that carries the overlays, without that of other tunnels and hosts. */
    List<Association> overlayEsp() {
        return overlayEsp.get();
    }

    private List<Association> findOverlayEsp() {
        boolean docker = isDockers();
        Set<String> others = new HashSet<>();
        for (String peer : expectedPeers().keySet()) {
            if (!docker || isOthers(peer)) {
                others.add(peer);
            }
        }
        othersPolicies().forEach(policy -> others.add(policy.destination().replaceFirst("/.*", "")));
        return after.associations().stream()
                .filter(Association::isTransportEsp)
                .filter(sa -> docker && sa.reqid() == DOCKER
                        || others.contains(sa.source())
                        || others.contains(sa.destination()))
                .toList();
    }

    /** Whether somebody else than Docker encrypts VXLAN with a peer, by IKE or by hand; beside Docker's overlays, too. */
    boolean isOthers(String peer) {
        return othersPolicies().anyMatch(policy -> Prefix.covers(policy.destination(), peer));
    }

    private Stream<Policy> othersPolicies() {
        return udpPolicies().stream().filter(policy -> policy.mark() != DOCKER);
    }

    /** Whether encrypted overlays are Docker's; others may have some beside. */
    private boolean isDockers() {
        return !after.firewall().marked().isEmpty()
                || after.policies().stream().anyMatch(policy -> policy.mark() == DOCKER)
                || !encryptedNetworks().isEmpty();
    }

    /** The packets that an SA carried meanwhile. */
    long packets(Association sa) {
        return rise(sa, Association::packets);
    }

    /** The packets that an SA refused meanwhile. With esp4_offload packet sockets do not see those. */
    private long refused(Association sa) {
        return rise(sa, other -> other.replays() + other.unauthentic());
    }

    /** How much a count of an SA rose. */
    long rise(Association sa, ToLongFunction<Association> count) {
        Association then = earlier.get().get(sa.id());
        return rise(then == null ? 0 : count.applyAsLong(then), count.applyAsLong(sa));
    }

    private Map<Association.Id, Association> findEarlier() {
        Map<Association.Id, Association> found = new HashMap<>();
        before.associations().forEach(sa -> found.putIfAbsent(sa.id(), sa));
        return found;
    }

    boolean isInbound(Association sa) {
        return ownAddresses().contains(sa.destination()) && !ownAddresses().contains(sa.source());
    }

    boolean isOutbound(Association sa) {
        return ownAddresses().contains(sa.source()) && !ownAddresses().contains(sa.destination());
    }

    /** By the peer's address. ESP in UDP is left out: it needs nothing of what is judged here. */
    Map<String, Exchange> exchanges() {
        return exchanges.get();
    }

    private Map<String, Exchange> findExchanges() {
        Map<String, Exchange> exchanges = new TreeMap<>();
        for (Association sa : overlayEsp()) {
            if (sa.inUdp()) {
                continue;
            }
            if (isInbound(sa)) {
                add(exchanges, sa.source(), packets(sa), 0, refused(sa));
            } else if (isOutbound(sa)) {
                add(exchanges, sa.destination(), 0, packets(sa), 0);
            }
        }
        for (Seen packet : packets()) {
            if (packet.isEsp() && !packet.outgoing() && exchanges.containsKey(packet.source())) {
                add(exchanges, packet.source(), 0, 0, packet.packets());
            }
        }
        return Collections.unmodifiableMap(exchanges);
    }

    private static void add(Map<String, Exchange> exchanges, String peer, long in, long out, long seen) {
        exchanges.put(peer, exchanges.getOrDefault(peer, new Exchange(0, 0, 0)).plus(in, out, seen));
    }

    /** Packets that inbound SAs in transport mode decrypted, without those that came in UDP. */
    long decrypted() {
        return overlayEsp().stream()
                .filter(sa -> isInbound(sa) && !sa.inUdp())
                .mapToLong(this::packets)
                .sum();
    }

    /** The peers that those came from. */
    List<String> senders() {
        return overlayEsp().stream()
                .filter(sa -> isInbound(sa) && !sa.inUdp() && packets(sa) > 0)
                .map(Association::source)
                .distinct()
                .sorted()
                .toList();
    }

    /**
     * The addresses that ESP really came from: the kernel does not compare them with an SA's source. With esp4_offload,
     * packet sockets see what was in it. Those of the SAs if packets could not be watched.
     */
    Set<String> arrivedFrom() {
        Set<String> spis = new HashSet<>();
        overlayEsp().stream().filter(this::isInbound).forEach(sa -> spis.add(sa.spi()));
        Set<Integer> vnis = encryptedVnis();
        Set<String> sources = new TreeSet<>();
        for (Seen packet : packets()) {
            if (!packet.outgoing() && (spis.contains(packet.spi()) || vnis.contains(packet.vni()))) {
                sources.add(packet.source());
            }
        }
        return sources.isEmpty() ? new TreeSet<>(senders()) : sources;
    }

    /** VNIs that are to be encrypted, as Docker and its rules say. */
    Set<Integer> encryptedVnis() {
        return encryptedVnis.get();
    }

    private Set<Integer> findEncryptedVnis() {
        Set<Integer> vnis = new TreeSet<>(after.firewall().marked());
        vnis.addAll(after.firewall().guarded());
        for (Network network : encryptedNetworks()) {
            vnis.addAll(network.vnis());
        }
        return Collections.unmodifiableSet(vnis);
    }

    /** As "VNI 4097 (network back)": packets have the number, and people know the name. */
    String vni(int vni) {
        return "VNI " + vni
                + encryptedNetworks().stream()
                        .filter(network ->
                                network.vnis().contains(vni) && !network.name().isEmpty())
                        .findFirst()
                        .map(network -> " (network " + network.name() + ")")
                        .orElse("");
    }

    List<Network> encryptedNetworks() {
        return after.docker() == null
                ? List.of()
                : after.docker().networks().stream().filter(Network::encrypted).toList();
    }

    /** The VXLAN devices whose packets are to be encrypted. */
    List<Vxlan> encryptedDevices() {
        return encryptedDevices.get();
    }

    private List<Vxlan> findEncryptedDevices() {
        Set<Integer> vnis = encryptedVnis();
        List<Vxlan> named = after.vxlans().stream()
                .filter(vxlan -> vnis.contains((int) vxlan.vni()))
                .toList();
        return after.vxlans().stream()
                .filter(vxlan -> unmarkedPolicies(vxlan).findAny().isPresent()
                        // Not whether it is among them: that compares the entries of each with those of all others.
                        || vnis.contains((int) vxlan.vni())
                                // Another overlay may use the same VNI on another port.
                                && named.stream()
                                        .noneMatch(other ->
                                                other.vni() == vxlan.vni() && likeDockers(other) > likeDockers(vxlan)))
                .toList();
    }

    /** How well a device fits to Docker. */
    private int likeDockers(Vxlan vxlan) {
        boolean port = udpPolicies().stream()
                        .anyMatch(policy -> policy.mark() == DOCKER && policy.destinationPort() == vxlan.port())
                || after.docker() != null && after.docker().dataPathPort() == vxlan.port();
        return (port ? 2 : 0) + (vxlan.moved() ? 1 : 0);
    }

    /** The policies that encrypt what this device sends to some hosts, whatever its VNI. */
    private Stream<Policy> unmarkedPolicies(Vxlan vxlan) {
        return udpPolicies().stream().filter(policy -> policy.mark() == 0 && policy.destinationPort() == vxlan.port());
    }

    /** Outbound policies that encrypt UDP to one port, which VXLAN uses: L2TP has such policies, too. */
    List<Policy> udpPolicies() {
        return udpPolicies.get();
    }

    private List<Policy> findUdpPolicies() {
        return after.policies().stream()
                .filter(policy -> policy.direction().equals("out")
                        && policy.protocol() == UDP
                        && policy.destinationPort() != 0
                        && policy.transportEsp()
                        && (policy.mark() == DOCKER
                                || policy.destinationPort() == Config.DEFAULT_PORT
                                || after.vxlans().stream().anyMatch(vxlan -> vxlan.port() == policy.destinationPort())))
                .toList();
    }

    /** The UDP ports of the overlays that are to be encrypted. */
    Set<Integer> ports() {
        Set<Integer> ports = new TreeSet<>();
        encryptedDevices().forEach(vxlan -> ports.add(vxlan.port()));
        if (ports.isEmpty()) {
            udpPolicies().forEach(policy -> ports.add(policy.destinationPort()));
        }
        if (ports.isEmpty() && after.docker() != null && after.docker().dataPathPort() != 0) {
            ports.add(after.docker().dataPathPort());
        }
        if (ports.isEmpty()) {
            ports.add(Config.DEFAULT_PORT);
        }
        return ports;
    }

    /** Whether a VXLAN device of an encrypted overlay was there before and is not now: what it received is not known. */
    boolean lostDevices() {
        Set<Integer> vnis = encryptedVnis();
        return before.vxlans().stream()
                .filter(then -> vnis.contains((int) then.vni())
                        || unmarkedPolicies(then).findAny().isPresent())
                .anyMatch(then -> after.vxlans().stream().noneMatch(then::isSame));
    }

    /** Packets that the VXLAN devices of encrypted overlays received meanwhile. */
    long received() {
        return encryptedDevices().stream().mapToLong(this::received).sum();
    }

    long received(Vxlan vxlan) {
        long earlier = before.vxlans().stream()
                .filter(vxlan::isSame)
                .mapToLong(Vxlan::received)
                .findFirst()
                .orElse(0);
        return rise(earlier, vxlan.received());
    }

    /** Packets that those devices were to send meanwhile, and could not. */
    long unsent() {
        return encryptedDevices().stream()
                .mapToLong(vxlan -> before.vxlans().stream()
                        .filter(vxlan::isSame)
                        .mapToLong(then -> rise(then.unsent(), vxlan.unsent()))
                        .findFirst()
                        .orElse(0))
                .sum();
    }

    /** Datagrams that the sockets of the overlays' ports dropped meanwhile. */
    long socketDrops() {
        return ports().stream()
                .mapToLong(port -> drops(after, port) - drops(before, port))
                .filter(rise -> rise > 0)
                .sum();
    }

    private static long drops(HostState state, int port) {
        HostState.Socket socket = state.sockets().get(port);
        return socket == null ? 0 : socket.drops();
    }

    /**
     * The hosts that this one should have SAs with, by the forwarding tables of encrypted overlays, and how that is
     * known.
     */
    Map<String, String> expectedPeers() {
        return expectedPeers.get();
    }

    private Map<String, String> findExpectedPeers() {
        Set<String> own = ownAddresses();
        Set<Integer> vnis = encryptedVnis();
        Map<String, String> peers = new LinkedHashMap<>();
        for (Vxlan vxlan : encryptedDevices()) {
            boolean whole = vnis.contains((int) vxlan.vni());
            // A host has few destinations and many entries, one for each container there.
            Set<String> destinations = new LinkedHashSet<>();
            vxlan.forwarding().forEach(entry -> destinations.add(entry.destination()));
            for (String destination : destinations) {
                if (!peers.containsKey(destination)
                        && !own.contains(destination)
                        && isOneHost(destination)
                        && (whole
                                || unmarkedPolicies(vxlan)
                                        .anyMatch(policy -> Prefix.covers(policy.destination(), destination)))) {
                    peers.put(destination, "device " + vxlan.name() + " forwards to it");
                }
            }
        }
        return Collections.unmodifiableMap(peers);
    }

    /** Not any address, and not a group. */
    private static boolean isOneHost(String address) {
        if (address.contains(":")) {
            return !address.startsWith("ff") && !address.equals("0:0:0:0:0:0:0:0");
        }
        return address.matches("\\d{1,3}(\\.\\d{1,3}){3}")
                && !address.equals("0.0.0.0")
                && Integer.parseInt(address.substring(0, address.indexOf('.'))) < 224;
    }

    /** Whether anything on this host is, or is to be, encrypted in transport mode. */
    boolean concernsEsp() {
        return !overlayEsp().isEmpty()
                || !encryptedVnis().isEmpty()
                || !udpPolicies().isEmpty();
    }

    /** The devices by which ESP came in, else those by which it should: with an address of an SA. */
    List<String> uplinks() {
        return uplinks.get();
    }

    private List<String> findUplinks() {
        List<String> names = new ArrayList<>(observedUplinks());
        if (names.size() == 1) {
            return names;
        }
        names.clear();
        Set<String> ofSas = new HashSet<>();
        overlayEsp().forEach(sa -> ofSas.addAll(List.of(sa.source(), sa.destination())));
        for (Device device : after.devices()) {
            boolean card = !device.name().equals("lo") && !device.kind().equals("dummy");
            if (card && device.addresses().stream().anyMatch(ofSas::contains)) {
                names.add(device.name());
            }
        }
        return List.copyOf(names);
    }

    /** The devices by which ESP of the overlays came in for this host: that of guests and of other tunnels is not meant. */
    private Set<String> observedUplinks() {
        Set<String> spis = new HashSet<>();
        overlayEsp().stream().filter(sa -> isInbound(sa) && !sa.inUdp()).forEach(sa -> spis.add(sa.spi()));
        Set<String> names = new TreeSet<>();
        for (Seen packet : packets()) {
            if (packet.isEsp()
                    && !packet.outgoing()
                    && spis.contains(packet.spi())
                    && ownAddresses().contains(packet.destination())) {
                names.add(packet.device());
            }
        }
        return names;
    }

    /** The device by which ESP comes in, if there is one alone. */
    Optional<String> onlyUplink() {
        return observedUplinks().size() <= 1 && uplinks().size() == 1
                ? Optional.of(uplinks().get(0))
                : Optional.empty();
    }

    static String packets(long count) {
        return count == 1 ? "1 packet" : count + " packets";
    }
}
