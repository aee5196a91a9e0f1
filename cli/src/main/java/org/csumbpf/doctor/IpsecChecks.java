// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.csumbpf.doctor.HostState.Association;
import org.csumbpf.snapshot.Fix;

/** Whether ESP leaves, comes in and is decrypted. */
final class IpsecChecks {
    /** One in so many packets is little. */
    private static final long FEW = 20;

    private final Watch watch;

    IpsecChecks(Watch watch) {
        this.watch = watch;
    }

    List<DoctorFinding> all() {
        List<DoctorFinding> found = new ArrayList<>();
        found.addAll(module());
        found.addAll(associations());
        found.addAll(addresses());
        found.addAll(nodes());
        found.addAll(exchange());
        found.addAll(indexes());
        found.addAll(integrity());
        found.addAll(natTraversal());
        return found;
    }

    private List<DoctorFinding> module() {
        String module = needsIpv6() ? "esp6" : "esp4";
        String state = watch.after().modules().getOrDefault(module, "");
        String disabled = watch.after().disabled().get(module);
        boolean works = watch.after().associations().stream().anyMatch(sa -> sa.protocol() == 50);
        boolean wanted =
                !watch.encryptedVnis().isEmpty() || !watch.udpPolicies().isEmpty();
        if (!wanted || works || state.equals("loaded") || state.equals("built_in")) {
            return List.of();
        }
        // A manager knows all networks, and old rules stay; without a device and a policy nothing needs ESP now.
        boolean needed =
                !watch.encryptedDevices().isEmpty() || !watch.udpPolicies().isEmpty();
        if (disabled != null) {
            return List.of(DoctorFinding.errorIf(
                    needed,
                    Check.ESP_MODULE_DISABLED,
                    module,
                    "the module " + module + " is not loaded, and the configuration of modprobe forbids it (" + disabled
                            + ")",
                    "grep",
                    "-rn",
                    module,
                    "/etc/modprobe.d"));
        }
        if (state.equals("unavailable")) {
            return List.of(DoctorFinding.errorIf(
                    needed,
                    Check.ESP_MODULE_DISABLED,
                    module,
                    "kernel " + watch.after().kernel() + " does not have the module " + module));
        }
        return List.of();
    }

    private boolean needsIpv6() {
        Set<String> peers = watch.expectedPeers().keySet();
        return !peers.isEmpty() && peers.stream().allMatch(peer -> peer.contains(":"));
    }

    private List<DoctorFinding> associations() {
        List<DoctorFinding> found = new ArrayList<>();
        if (!watch.wasRead("IPsec SAs")) {
            return found;
        }
        // A peer that has just come gets its SAs in a moment.
        Map<String, String> expected = new LinkedHashMap<>(watch.expectedPeers());
        expected.keySet()
                .retainAll(new Watch(watch.after(), watch.before(), 0, null, null)
                        .expectedPeers()
                        .keySet());
        int complete = 0;
        Set<String> sources = new HashSet<>();
        Set<String> destinations = new HashSet<>();
        // Also before: keys change meanwhile.
        for (Watch each : new Watch[] {watch, Watch.of(watch.before())}) {
            for (Association sa : each.overlayEsp()) {
                sources.add(sa.source());
                destinations.add(sa.destination());
            }
        }
        for (Map.Entry<String, String> peer : expected.entrySet()) {
            boolean in = sources.contains(peer.getKey());
            boolean out = destinations.contains(peer.getKey());
            if (in && out) {
                complete++;
                continue;
            }
            if (!in && !out && onDemand(peer.getKey())) {
                found.add(DoctorFinding.info(
                        Check.SA_MISSING,
                        peer.getKey(),
                        "there is no SA with " + peer.getKey()
                                + " now; if IKE makes them on demand, the first packet brings them"));
                continue;
            }
            String missing = !in && !out
                    ? "there is no SA for either direction"
                    : "there is no SA for packets " + (in ? "to" : "from") + " it";
            found.add(DoctorFinding.error(
                            Check.SA_MISSING,
                            peer.getKey(),
                            peer.getKey() + " is a peer of an encrypted overlay (" + peer.getValue() + "), and "
                                    + missing + kernelNote(),
                            "ip",
                            "-s",
                            "xfrm",
                            "state",
                            "list",
                            "nokeys")
                    .fixedBy(load(peer.getKey())));
        }
        if (complete > 0) {
            found.add(DoctorFinding.ok(
                    Check.SA_MISSING, "SAs in both directions with " + complete + " of " + expected.size() + " peers"));
        } else if (expected.isEmpty() && !watch.overlayEsp().isEmpty()) {
            found.add(DoctorFinding.ok(Check.SA_MISSING, watch.overlayEsp().size() + " SAs of ESP in transport mode"));
        }
        return found;
    }

    /** Loads the module of the peer's SAs, which the kernel may not be able to load by itself; null: it is there. */
    private Fix load(String peer) {
        String module = peer.contains(":") ? "esp6" : "esp4";
        boolean loadable = watch.after().modules().getOrDefault(module, "").equals("loadable");
        return loadable && !watch.after().disabled().containsKey(module) ? new Fix.LoadModule(module) : null;
    }

    /** IKE may make SAs when the first packet needs them. Docker makes them before. */
    private boolean onDemand(String peer) {
        return watch.isOthers(peer)
                && watch.rise("XfrmOutNoStates") + watch.rise("XfrmOutPolError") + watch.rise("XfrmAcquireError") == 0;
    }

    /** These kernels refuse the SAs of Docker, which carry no interface id (moby 43359). */
    private String kernelNote() {
        String kernel = watch.after().kernel();
        return kernel.matches("5\\.10\\.9[6-8]\\b.*|5\\.15\\.(1[7-9]|2[01])\\b.*")
                ? "; kernel " + kernel + " is one of those that refused Docker's SAs (moby 43359)"
                : "";
    }

    private List<DoctorFinding> addresses() {
        Set<String> own = watch.ownAddresses();
        List<Association> strange = watch.overlayEsp().stream()
                .filter(sa -> !own.contains(sa.source()) && !own.contains(sa.destination()))
                .toList();
        List<DoctorFinding> found = new ArrayList<>();
        if (!strange.isEmpty()) {
            Association first = strange.get(0);
            // Beside others that fit, they are left from an address that this host had.
            found.add(DoctorFinding.errorIf(
                    strange.size() == watch.overlayEsp().size(),
                    Check.SA_ADDRESS_MISMATCH,
                    first.destination(),
                    strange.size() + " SAs have no address of this host at either end, as that from " + first.source()
                            + " to " + first.destination() + "; this host has " + some(own),
                    "ip",
                    "-s",
                    "xfrm",
                    "state",
                    "list",
                    "nokeys"));
        }
        for (Seen packet : arrivals()) {
            // Another tunnel may have an SA with the same SPI.
            boolean has = watch.after().associations().stream()
                    .anyMatch(sa ->
                            sa.spi().equals(packet.spi()) && sa.destination().equals(packet.destination()));
            watch.overlayEsp().stream()
                    .filter(sa -> !has
                            && sa.spi().equals(packet.spi())
                            && !sa.destination().equals(packet.destination())
                            && own.contains(packet.destination()))
                    .findFirst()
                    .ifPresent(sa -> found.add(DoctorFinding.error(
                            Check.SA_ADDRESS_MISMATCH,
                            packet.destination(),
                            Watch.packets(packet.packets()) + " of ESP with SPI " + packet.spi() + " came from "
                                    + packet.source()
                                    + " to " + packet.destination() + ", but the SA with this SPI is for "
                                    + sa.destination(),
                            "ip",
                            "-s",
                            "xfrm",
                            "state",
                            "list",
                            "nokeys")));
        }
        return found.stream().limit(Watch.SOME).toList();
    }

    private static String some(Set<String> addresses) {
        return addresses.stream()
                .filter(address -> !address.startsWith("127.") && !address.equals("0:0:0:0:0:0:0:1"))
                .sorted()
                .limit(Watch.SOME)
                .collect(Collectors.joining(", "));
    }

    private List<Seen> arrivals() {
        return watch.packets().stream()
                .filter(packet -> packet.isEsp() && !packet.outgoing())
                .toList();
    }

    private List<DoctorFinding> nodes() {
        if (watch.after().docker() == null) {
            return List.of();
        }
        // Node and peer have other names, so each answer of the engine is counted for itself.
        List<Map<String, String>> answers =
                new ArrayList<>(List.of(watch.after().docker().nodes()));
        watch.encryptedNetworks().forEach(network -> answers.add(network.peers()));
        Map<String, Set<String>> shared = new TreeMap<>();
        for (Map<String, String> answer : answers) {
            Map<String, Set<String>> byAddress = new TreeMap<>();
            answer.forEach((name, address) ->
                    byAddress.computeIfAbsent(address, a -> new TreeSet<>()).add(name));
            byAddress.forEach((address, names) -> {
                if (names.size() > 1) {
                    shared.putIfAbsent(address, names);
                }
            });
        }
        List<DoctorFinding> found = new ArrayList<>();
        shared.forEach((address, names) -> {
            String evidence = "Docker knows " + names.size() + " nodes by the address " + address + ": "
                    + String.join(", ", names);
            // The address of a node's connection to its manager need not be that of its data path.
            if (watch.expectedPeers().containsKey(address)) {
                found.add(DoctorFinding.error(Check.MANY_BEHIND_ONE, address, evidence, "docker", "node", "ls"));
            } else {
                found.add(DoctorFinding.info(Check.MANY_BEHIND_ONE, address, evidence));
            }
        });
        return found;
    }

    private List<DoctorFinding> exchange() {
        List<DoctorFinding> found = new ArrayList<>();
        Map<String, Watch.Exchange> exchanges = watch.exchanges();
        long in = 0;
        long out = 0;
        for (Map.Entry<String, Watch.Exchange> each : exchanges.entrySet()) {
            String peer = each.getKey();
            Watch.Exchange packets = each.getValue();
            in += packets.in();
            out += packets.out();
            if (packets.out() >= Watch.SOME && packets.in() == 0 && packets.seenIn() == 0) {
                found.add(blocked(peer, packets));
            } else if (packets.in() >= Watch.SOME && packets.out() == 0) {
                String evidence = Watch.packets(packets.in()) + " from " + peer
                        + " came in ESP and were decrypted, and none left for it";
                found.add(oneWay(peer, evidence));
            }
        }
        if (!exchanges.isEmpty() && in + out == 0) {
            found.add(DoctorFinding.info(
                    Check.ESP_BLOCKED,
                    "",
                    "no packet came or left in ESP, so the way to the peers could not be judged; start a ping between two"
                            + " containers and run csumbpf doctor again"));
        } else if (in > 0 && out > 0) {
            found.add(DoctorFinding.ok(
                    Check.ESP_BLOCKED, "ESP: " + out + " packets left, " + in + " came and were decrypted"));
        }
        return found;
    }

    /** Traffic may go one way by intention: certain is it if nothing ever came, or the peer answers, and not in ESP. */
    private DoctorFinding blocked(String peer, Watch.Exchange packets) {
        boolean ever = watch.overlayEsp().stream()
                .anyMatch(sa -> watch.isInbound(sa) && sa.source().equals(peer) && sa.packets() > 0);
        boolean answers = watch.probes().stream().anyMatch(probe -> probe.peer().equals(peer) && probe.small() > 0);
        String evidence = Watch.packets(packets.out()) + " left in ESP for " + peer + ", and none came back"
                + (answers ? ", though it answers pings outside of ESP" : "")
                + (ever ? "" : "; none ever came from it in ESP since its SAs were made");
        String[] remedy = {"tcpdump", "-ni", "any", "ip proto 50 or ip6 proto 50"};
        return DoctorFinding.errorIf(!ever || answers, Check.ESP_BLOCKED, peer, evidence, remedy);
    }

    /** Whoever does not answer may have nothing to say, unless the devices were to send. */
    private DoctorFinding oneWay(String peer, String evidence) {
        long unsent = watch.unsent();
        long in = 0;
        long out = 0;
        for (Watch.Exchange each : watch.exchanges().values()) {
            in += each.in();
            out += each.out();
        }
        return out == 0 && unsent >= Watch.SOME && unsent * 2 >= in
                ? DoctorFinding.error(
                        Check.ESP_ONE_WAY,
                        peer,
                        evidence + "; VXLAN devices were to send " + Watch.packets(unsent)
                                + " and could not: a rule for what this host sends, or no route",
                        "nft",
                        "list",
                        "ruleset")
                : DoctorFinding.warning(
                        Check.ESP_ONE_WAY, peer, evidence, "ip", "-s", "xfrm", "state", "list", "nokeys");
    }

    private List<DoctorFinding> indexes() {
        long unknown = watch.rise("XfrmInNoStates");
        if (unknown == 0) {
            return List.of();
        }
        // Of all modes, and those that were removed meanwhile: only what nobody knows is strange.
        Set<String> known = new TreeSet<>();
        for (HostState state : List.of(watch.before(), watch.after())) {
            state.associations().forEach(sa -> known.add(sa.spi()));
        }
        Map<String, Long> strange = new TreeMap<>();
        Set<String> senders = new TreeSet<>();
        long seen = 0;
        for (Seen packet : arrivals()) {
            boolean here = watch.ownAddresses().contains(packet.destination());
            if (here && !known.contains(packet.spi())) {
                strange.merge(packet.spi() + " from " + packet.source(), packet.packets(), Long::sum);
                senders.add(packet.source());
                if (isPeer(packet.source()) && !decryptedFrom(packet.source())) {
                    seen += packet.packets();
                }
            }
        }
        // Those with a known SPI have another reason, which has a check of its own.
        if (watch.packetsWatched() && strange.isEmpty()) {
            return List.of();
        }
        String evidence = Watch.packets(unknown) + " came in ESP with an SPI that no SA has"
                + (strange.isEmpty()
                        ? ""
                        : ": " + strange.keySet().stream().limit(Watch.SOME).collect(Collectors.joining(", ")))
                + engine();
        // Anybody can send from thousands of addresses.
        String subject = senders.stream().limit(Watch.SOME).collect(Collectors.joining(", "));
        return List.of(
                DoctorFinding.errorIf(seen >= Watch.SOME, Check.SPI_MISMATCH, subject, evidence, "docker", "version"));
    }

    /** Then the SPIs of the overlays agree, and others are those of another tunnel between the same hosts. */
    private boolean decryptedFrom(String peer) {
        Watch.Exchange packets = watch.exchanges().get(peer);
        return packets != null && packets.in() > 0;
    }

    private boolean isPeer(String address) {
        return watch.expectedPeers().containsKey(address)
                || watch.exchanges().containsKey(address)
                || watch.arrivedFrom().contains(address);
    }

    private String engine() {
        HostState.Docker docker = watch.after().docker();
        if (docker == null || docker.version().isEmpty()) {
            return "";
        }
        boolean other = docker.version().matches("25\\.0\\.1[34]\\b.*|29\\.[01]\\.\\d+.*|29\\.2\\.0\\b.*");
        return "; this host's engine is " + docker.version() + (other ? ", one of those that compute other SPIs" : "");
    }

    private List<DoctorFinding> integrity() {
        long refused = watch.rise("XfrmInStateProtoError") + watch.rise("XfrmInStateModeError");
        long replayed = watch.rise("XfrmInStateSeqError");
        if (refused + replayed == 0) {
            return List.of();
        }
        List<String> parts = new ArrayList<>();
        if (refused > 0) {
            parts.add(Watch.packets(refused) + " failed the integrity check" + of(Association::unauthentic));
        }
        if (replayed > 0) {
            parts.add(Watch.packets(replayed) + " came twice or too late" + of(Association::replays));
        }
        String evidence = "IPsec refused what came in: " + String.join(", and ", parts);
        // Other tunnels have reasons of their own to see packets late.
        long ofOverlays = risen(Association::unauthentic) + risen(Association::replays);
        String[] remedy = {"ip", "-s", "xfrm", "state", "list", "nokeys"};
        // A fast network reorders a few of many packets, and anybody can send some with a known SPI.
        return List.of(DoctorFinding.errorIf(
                ofOverlays >= Watch.SOME && ofOverlays * FEW >= watch.decrypted(),
                Check.REPLAY_OR_AUTH,
                "",
                evidence,
                remedy));
    }

    private long risen(ToLongFunction<Association> count) {
        return watch.overlayEsp().stream()
                .mapToLong(sa -> watch.rise(sa, count))
                .sum();
    }

    /** The peers whose SAs count such packets. */
    private String of(ToLongFunction<Association> count) {
        String peers = watch.overlayEsp().stream()
                .filter(sa -> watch.rise(sa, count) > 0)
                .map(Association::source)
                .distinct()
                .sorted()
                .limit(Watch.SOME)
                .collect(Collectors.joining(", "));
        return peers.isEmpty() ? "" : " (from " + peers + ")";
    }

    private List<DoctorFinding> natTraversal() {
        List<String> peers = watch.overlayEsp().stream()
                .filter(sa -> sa.inUdp() && watch.isInbound(sa))
                .map(Association::source)
                .distinct()
                .toList();
        return peers.isEmpty()
                ? List.of()
                : List.of(new DoctorFinding(
                        Check.NAT_T,
                        DoctorFinding.Severity.OK,
                        String.join(", ", peers),
                        "ESP from " + String.join(", ", peers) + " travels in UDP",
                        Check.NAT_T.meaning(),
                        List.of(),
                        null));
    }
}
