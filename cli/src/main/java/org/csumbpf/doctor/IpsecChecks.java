// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.csumbpf.doctor.HostState.Association;

/** Whether ESP leaves, comes in and is decrypted. */
final class IpsecChecks {
    /** Fewer packets may be a coincidence: keys that change, a packet that was on its way. */
    static final long SOME = 3;

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
        boolean wanted =
                !watch.encryptedVnis().isEmpty() || !watch.udpPolicies().isEmpty();
        if (!wanted || state.equals("loaded") || state.equals("built_in")) {
            return List.of();
        }
        if (disabled != null) {
            return List.of(DoctorFinding.error(
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
            return List.of(DoctorFinding.error(
                    Check.ESP_MODULE_DISABLED,
                    module,
                    "kernel " + watch.after().kernel() + " does not have the module " + module,
                    "modprobe",
                    module));
        }
        return List.of();
    }

    private boolean needsIpv6() {
        Set<String> peers = watch.expectedPeers().keySet();
        return !peers.isEmpty() && peers.stream().allMatch(peer -> peer.contains(":"));
    }

    private List<DoctorFinding> associations() {
        List<DoctorFinding> found = new ArrayList<>();
        Map<String, String> expected = watch.expectedPeers();
        int complete = 0;
        for (Map.Entry<String, String> peer : expected.entrySet()) {
            boolean in = has(sa -> sa.source().equals(peer.getKey()));
            boolean out = has(sa -> sa.destination().equals(peer.getKey()));
            if (in && out) {
                complete++;
                continue;
            }
            String missing = !in && !out
                    ? "there is no SA for either direction"
                    : "there is no SA for packets " + (in ? "to" : "from") + " it";
            found.add(DoctorFinding.error(
                    Check.SA_MISSING,
                    peer.getKey(),
                    peer.getKey() + " is a peer of an encrypted overlay (" + peer.getValue() + "), and " + missing
                            + kernelNote(),
                    "ip",
                    "xfrm",
                    "state"));
        }
        if (complete > 0) {
            found.add(DoctorFinding.ok(
                    Check.SA_MISSING, "SAs in both directions with " + complete + " of " + expected.size() + " peers"));
        } else if (expected.isEmpty() && !watch.transportEsp().isEmpty()) {
            found.add(
                    DoctorFinding.ok(Check.SA_MISSING, watch.transportEsp().size() + " SAs of ESP in transport mode"));
        }
        return found;
    }

    private boolean has(java.util.function.Predicate<Association> wanted) {
        return watch.transportEsp().stream().anyMatch(wanted);
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
        List<Association> strange = watch.transportEsp().stream()
                .filter(sa -> !own.contains(sa.source()) && !own.contains(sa.destination()))
                .toList();
        List<DoctorFinding> found = new ArrayList<>();
        if (!strange.isEmpty()) {
            Association first = strange.get(0);
            found.add(DoctorFinding.error(
                    Check.SA_ADDRESS_MISMATCH,
                    first.destination(),
                    strange.size() + " SAs have no address of this host at either end, as that from " + first.source()
                            + " to " + first.destination() + "; this host has " + some(own),
                    "ip",
                    "xfrm",
                    "state"));
        }
        for (Seen packet : arrivals()) {
            watch.transportEsp().stream()
                    .filter(sa -> sa.spi().equals(packet.spi())
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
                            "xfrm",
                            "state")));
        }
        return found.stream().limit(SOME).toList();
    }

    private static String some(Set<String> addresses) {
        return addresses.stream()
                .filter(address -> !address.startsWith("127.") && !address.equals("0:0:0:0:0:0:0:1"))
                .sorted()
                .limit(SOME)
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
        shared.forEach((address, names) -> found.add(DoctorFinding.error(
                Check.MANY_BEHIND_ONE,
                address,
                "Docker knows " + names.size() + " nodes by the address " + address + ": " + String.join(", ", names),
                "docker",
                "node",
                "ls")));
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
            if (packets.out() >= SOME && packets.in() == 0 && packets.seenIn() == 0) {
                found.add(DoctorFinding.error(
                        Check.ESP_BLOCKED,
                        peer,
                        Watch.packets(packets.out()) + " left in ESP for " + peer + ", and none came back"
                                + (watch.packetsWatched() ? "" : " that IPsec accepted"),
                        "tcpdump",
                        "-ni",
                        "any",
                        "ip proto 50 or ip6 proto 50"));
            } else if (packets.in() >= SOME && packets.out() == 0) {
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

    /** Whoever does not answer may have nothing to say, unless the devices were to send. */
    private DoctorFinding oneWay(String peer, String evidence) {
        long unsent = watch.unsent();
        return unsent >= SOME
                ? DoctorFinding.error(
                        Check.ESP_ONE_WAY,
                        peer,
                        evidence + "; VXLAN devices were to send " + Watch.packets(unsent)
                                + " and could not: a rule for what this host sends, or no route",
                        "nft",
                        "list",
                        "ruleset")
                : DoctorFinding.warning(Check.ESP_ONE_WAY, peer, evidence, "ip", "-s", "xfrm", "state");
    }

    private List<DoctorFinding> indexes() {
        long unknown = watch.rise("XfrmInNoStates");
        if (unknown == 0) {
            return List.of();
        }
        Set<String> known = watch.transportEsp().stream().map(Association::spi).collect(Collectors.toSet());
        Map<String, Long> strange = new TreeMap<>();
        Set<String> senders = new TreeSet<>();
        for (Seen packet : arrivals()) {
            boolean here = watch.ownAddresses().contains(packet.destination());
            if (here && !known.contains(packet.spi())) {
                strange.merge(packet.spi() + " from " + packet.source(), packet.packets(), Long::sum);
                senders.add(packet.source());
            }
        }
        // Those with a known SPI have another reason, which has a check of its own.
        if (watch.packetsWatched() && strange.isEmpty()) {
            return List.of();
        }
        String evidence = Watch.packets(unknown) + " came in ESP with an SPI that no SA has"
                + (strange.isEmpty()
                        ? ""
                        : ": " + strange.keySet().stream().limit(SOME).collect(Collectors.joining(", ")))
                + engine();
        String subject = String.join(", ", senders);
        return List.of(
                unknown >= SOME
                        ? DoctorFinding.error(Check.SPI_MISMATCH, subject, evidence, "docker", "version")
                        : DoctorFinding.warning(Check.SPI_MISMATCH, subject, evidence, "docker", "version"));
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
        return List.of(
                refused + replayed >= SOME
                        ? DoctorFinding.error(Check.REPLAY_OR_AUTH, "", evidence, "ip", "-s", "xfrm", "state")
                        : DoctorFinding.warning(Check.REPLAY_OR_AUTH, "", evidence, "ip", "-s", "xfrm", "state"));
    }

    /** The peers whose SAs count such packets. */
    private String of(ToLongFunction<Association> count) {
        Map<String, Long> earlier = new LinkedHashMap<>();
        watch.before().associations().forEach(sa -> earlier.put(sa.spi() + sa.destination(), count.applyAsLong(sa)));
        String peers = watch.transportEsp().stream()
                .filter(sa -> count.applyAsLong(sa) > earlier.getOrDefault(sa.spi() + sa.destination(), 0L))
                .map(Association::source)
                .distinct()
                .sorted()
                .limit(SOME)
                .collect(Collectors.joining(", "));
        return peers.isEmpty() ? "" : " (from " + peers + ")";
    }

    private List<DoctorFinding> natTraversal() {
        List<String> peers = watch.transportEsp().stream()
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
