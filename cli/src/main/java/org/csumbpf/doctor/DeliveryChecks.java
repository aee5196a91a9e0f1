// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.csumbpf.doctor.HostState.Attachment;
import org.csumbpf.doctor.HostState.Drop;
import org.csumbpf.doctor.HostState.Forwarding;
import org.csumbpf.doctor.HostState.Problem;
import org.csumbpf.doctor.HostState.Sender;
import org.csumbpf.doctor.HostState.Vxlan;
import org.csumbpf.snapshot.Fix;

/** Whether what IPsec decrypted is repaired and arrives at the VXLAN devices. */
final class DeliveryChecks {
    private static final String BROADCAST = "00:00:00:00:00:00";

    private final Watch watch;
    private final Map<Drop, Long> rises;

    DeliveryChecks(Watch watch) {
        this.watch = watch;
        this.rises = rises(watch);
    }

    List<DoctorFinding> all() {
        List<DoctorFinding> found = new ArrayList<>();
        found.addAll(attachments());
        found.addAll(offload(found));
        found.addAll(senders());
        List<DoctorFinding> lost = checksums();
        if (lost.stream().anyMatch(DoctorFinding::isError)) {
            found.addAll(chain(found));
        }
        found.addAll(lost);
        if (lost.isEmpty()) {
            found.addAll(hidden());
        }
        if (lost.stream().noneMatch(DoctorFinding::isError)) {
            List<DoctorFinding> invalid = conntrack();
            found.addAll(invalid);
            if (invalid.isEmpty()) {
                List<DoctorFinding> firewall = firewall();
                found.addAll(firewall);
                if (firewall.isEmpty()) {
                    found.addAll(forwarding());
                }
            }
        } else {
            found.addAll(conntrack());
        }
        return found;
    }

    private List<DoctorFinding> attachments() {
        List<DoctorFinding> found = new ArrayList<>();
        for (Attachment attachment : watch.after().attachments()) {
            for (Problem problem : attachment.problems()) {
                check(problem.id())
                        .ifPresent(check -> found.add(
                                DoctorFinding.error(check, attachment.device(), problem.evidence(), remedy(problem))
                                        .fixedBy(problem.fix())));
            }
        }
        return found;
    }

    /** A bundle may name any command, and what it names is printed as advice. */
    private static String[] remedy(Problem problem) {
        boolean ours = !problem.remedy().isEmpty()
                && (problem.remedy().get(0).equals("csumbpf")
                        || problem.remedy().get(0).equals("modprobe"));
        return ours ? problem.remedy().toArray(String[]::new) : new String[] {"csumbpf", "status"};
    }

    /** Those that have no check here say what 'csumbpf status' says, or have their effect judged by another check. */
    private static Optional<Check> check(String id) {
        return Optional.ofNullable(
                switch (id) {
                    case "half_made", "hook_lost", "pin_missing", "interface_gone", "interface_moved", "netns_gone" ->
                        Check.ATTACHMENT_LOST;
                    case "program_before" -> Check.CHAIN_ENDED;
                    case "backstop_lost" -> Check.BACKSTOP_LOST;
                    case "module_harms" -> Check.OFFLOAD_UNSAFE;
                    default -> null;
                });
    }

    private List<DoctorFinding> offload(List<DoctorFinding> known) {
        String harm = watch.after().offloadHarm();
        String state = watch.after().modules().getOrDefault("esp4_offload", "");
        if (harm.isEmpty() || known.stream().anyMatch(finding -> finding.check() == Check.OFFLOAD_UNSAFE)) {
            return List.of();
        }
        return switch (state) {
            case "loaded" ->
                List.of(offloadLoaded(
                        "esp4_offload is loaded, and on this host it can break traffic: " + harm,
                        "modprobe",
                        "-r",
                        "esp4_offload"));
            case "built_in" ->
                List.of(offloadLoaded(
                        "esp4_offload is built into the kernel, and on this host it can break traffic: " + harm));
            default ->
                List.of(DoctorFinding.info(
                        Check.OFFLOAD_UNSAFE, "esp4_offload", "esp4_offload is not loaded and must not be: " + harm));
        };
    }

    /** What goes through Open vSwitch may be no ESP, and newer kernels keep it whole. */
    private DoctorFinding offloadLoaded(String evidence, String... remedy) {
        boolean openVswitch = watch.after().offloadHarm().startsWith("Open vSwitch");
        if (openVswitch && watch.after().associations().isEmpty()) {
            return DoctorFinding.info(Check.OFFLOAD_UNSAFE, "esp4_offload", evidence);
        }
        boolean certain = !openVswitch || undelivered() > 0;
        return DoctorFinding.errorIf(certain, Check.OFFLOAD_UNSAFE, "esp4_offload", evidence, remedy);
    }

    private List<DoctorFinding> senders() {
        List<DoctorFinding> found = new ArrayList<>();
        long left = rise(Attachment::failed);
        for (Attachment attachment : watch.after().attachments()) {
            List<Sender> earlier = watch.before().attachments().stream()
                    .filter(other -> other.device().equals(attachment.device()) && other.port() == attachment.port())
                    .flatMap(other -> other.peers().stream())
                    .toList();
            for (Sender sender : attachment.peers()) {
                earlier.stream()
                        .filter(sender::isSame)
                        .filter(then -> differs(then, sender, left))
                        .findFirst()
                        .ifPresent(then -> found.add(sender(
                                attachment,
                                sender,
                                left,
                                "the checksums of packets from " + sender.source()
                                        + " are wrong, each by something else: "
                                        + (sender.bad() - then.bad()) + " of " + (sender.packets() - then.packets())
                                        + " were computed; NAT would change each by the same")));
            }
        }
        return found;
    }

    /** Mode adjust leaves what NAT does not explain, and the host drops that. */
    private DoctorFinding sender(Attachment attachment, Sender sender, long left, String evidence) {
        return left >= Watch.SOME
                ? DoctorFinding.error(
                        Check.SENDER_CHECKSUM,
                        sender.source(),
                        evidence + "; csumbpf left " + Watch.packets(left) + " as they are",
                        "csumbpf",
                        "stats",
                        attachment.device(),
                        "--peers")
                : DoctorFinding.warning(Check.SENDER_CHECKSUM, sender.source(), evidence);
    }

    /**
     * Whether checksums were wrong meanwhile and did not agree on the difference: few that agree make it trusted. One
     * that was trusted until the watch began is judged by what was left: a NAT that maps anew leaves fewer.
     */
    private static boolean differs(Sender then, Sender now, long left) {
        return !now.trusted() && now.bad() - then.bad() >= Watch.SOME && (!then.trusted() || left >= Watch.SOME);
    }

    private List<DoctorFinding> checksums() {
        long decrypted = watch.decrypted();
        if (decrypted == 0) {
            return List.of();
        }
        long wrong = watch.rise("UdpInCsumErrors", "Udp6InCsumErrors");
        long missing = Math.max(0, decrypted - watch.received());
        long dropped = watch.socketDrops();
        // What the sockets dropped. Short datagrams are verified before the kernel knows the socket.
        long lost = dropped > 0
                ? Math.min(wrong, Math.min(dropped, missing))
                : watch.received() == 0 && !watch.encryptedDevices().isEmpty() ? Math.min(wrong, decrypted) : 0;
        boolean most = missing > 0 && lost * 2 >= missing;
        long repaired = rise(Attachment::repaired);
        List<DoctorFinding> found = new ArrayList<>();
        if (lost >= Watch.SOME || lost > 0 && most) {
            found.add(DoctorFinding.error(
                            Check.NAT_CHECKSUM,
                            String.join(", ", watch.senders()),
                            Watch.packets(decrypted) + " from " + String.join(", ", watch.senders())
                                    + " were decrypted, and " + lost + " of them dropped for a wrong UDP checksum"
                                    + nat() + covered(),
                            remedy())
                    .fixedBy(fix()));
        } else if (repaired > 0 && watch.received() > 0) {
            found.add(DoctorFinding.ok(
                    Check.NAT_CHECKSUM,
                    Watch.packets(decrypted) + " were decrypted, " + repaired + " repaired, and " + watch.received()
                            + " arrived at VXLAN devices"));
        } else if (wrong == 0 && watch.received() > 0) {
            found.add(DoctorFinding.ok(
                    Check.NAT_CHECKSUM,
                    decrypted + " packets were decrypted, none with a wrong checksum, and " + watch.received()
                            + " arrived at VXLAN devices"));
        }
        return found;
    }

    /**
     * What ends the chain before the program, if the program sees nothing. 'csumbpf status' knows that only where the
     * sockets count what is dropped; with connection tracking, which verifies first, the kernel drops without them.
     */
    private List<DoctorFinding> chain(List<DoctorFinding> known) {
        long seen = rise(Attachment::repaired)
                + rise(Attachment::observed)
                + rise(Attachment::failed)
                + rise(Attachment::right);
        if (seen > 0 || known.stream().anyMatch(finding -> finding.check() == Check.CHAIN_ENDED)) {
            return List.of();
        }
        return watch.after().attachments().stream()
                .filter(attachment ->
                        !attachment.ahead().isEmpty() && watch.uplinks().contains(attachment.device()))
                .map(attachment -> DoctorFinding.error(
                        Check.CHAIN_ENDED,
                        attachment.device(),
                        String.join(" and ", attachment.ahead()) + " runs before csumbpf on " + attachment.device()
                                + ", and csumbpf sees none of the packets",
                        "bpftool",
                        "net",
                        "show",
                        "dev",
                        attachment.device()))
                .toList();
    }

    /** Docker in a container, or that of a snap, keeps the namespaces of its devices elsewhere. */
    private List<DoctorFinding> hidden() {
        if (watch.decrypted() < Watch.SOME
                || watch.encryptedVnis().isEmpty()
                || !watch.encryptedDevices().isEmpty()) {
            return List.of();
        }
        return List.of(DoctorFinding.warning(
                Check.COUNTERS,
                "VXLAN devices",
                "not read: VXLAN devices: " + Watch.packets(watch.decrypted())
                        + " were decrypted, and no device of an encrypted overlay was found, so it is not known whether"
                        + " they arrive"));
    }

    private long rise(java.util.function.ToLongFunction<Attachment> count) {
        Map<String, Long> earlier = new HashMap<>();
        watch.before().attachments().forEach(a -> earlier.put(a.device() + " " + a.port(), count.applyAsLong(a)));
        return watch.after().attachments().stream()
                .mapToLong(a -> Math.max(
                        0,
                        count.applyAsLong(a) - earlier.getOrDefault(a.device() + " " + a.port(), count.applyAsLong(a))))
                .sum();
    }

    /** What is known of NAT between this host and the senders. */
    private String nat() {
        HostState.Docker docker = watch.after().docker();
        if (docker != null
                && !docker.address().isEmpty()
                && !watch.ownAddresses().contains(docker.address())) {
            return "; this host is behind a NAT: the Swarm knows it as " + docker.address()
                    + ", which no device here has";
        }
        return "";
    }

    private String covered() {
        if (!watch.wasRead("attachments")) {
            return "";
        }
        if (watch.after().attachments().isEmpty()) {
            return "; csumbpf is not attached";
        }
        return rise(Attachment::observed) > 0
                ? "; csumbpf only observes them (mode observe)"
                : "; csumbpf is attached to "
                        + watch.after().attachments().stream()
                                .map(Attachment::device)
                                .distinct()
                                .collect(Collectors.joining(", "))
                        + ", and they come past it";
    }

    private String[] remedy() {
        List<String> uplinks = watch.uplinks();
        if (!watch.after().attachments().isEmpty() && rise(Attachment::observed) == 0) {
            return new String[] {"csumbpf", "status"};
        }
        return uplinks.isEmpty()
                ? new String[] {"csumbpf", "discover"}
                : attach("", uplinks.get(0)).command().toArray(String[]::new);
    }

    /** An attachment repairs one port, the first. */
    private Fix attach(String netns, String uplink) {
        return new Fix.Attach(netns, uplink, watch.ports().iterator().next());
    }

    /**
     * Attaches if nothing is attached and one device alone comes into question; else clears the way to the program. That
     * it only observes is somebody's wish.
     */
    private Fix fix() {
        List<Attachment> attachments = watch.after().attachments();
        if (!watch.wasRead("attachments") || watch.ports().size() != 1) {
            return null;
        }
        if (attachments.isEmpty()) {
            return watch.onlyUplink()
                    .map(uplink -> attach(watch.after().netns(), uplink))
                    .orElse(null);
        }
        if (rise(Attachment::observed) > 0) {
            return null;
        }
        return attachments.stream()
                .filter(attachment -> watch.uplinks().contains(attachment.device()))
                .flatMap(attachment -> attachment.problems().stream())
                .filter(problem -> check(problem.id()).isEmpty() && problem.fix() != null)
                .map(Problem::fix)
                // Without GRO, restore refuses; and with GRO, the module is loaded, too.
                .min(Comparator.comparing(Fix.Restore.class::isInstance))
                .orElse(null);
    }

    /** Decrypted packets that no VXLAN device received, if that is certain; else 0. Packets arrive while states are read. */
    private long undelivered() {
        long decrypted = watch.decrypted();
        long received = watch.received();
        boolean certain = !watch.encryptedDevices().isEmpty()
                && !watch.lostDevices()
                && !carriesOthers()
                && watch.wasRead("VXLAN devices")
                && watch.wasRead("IPsec SAs");
        return certain && decrypted >= Watch.SOME && received == 0 ? decrypted : 0;
    }

    /** IKE makes SAs for other packets between the same hosts, too. Docker's have their own number. */
    private boolean carriesOthers() {
        return watch.overlayEsp().stream()
                .filter(sa -> watch.isInbound(sa) && sa.reqid() != Watch.DOCKER)
                .collect(Collectors.groupingBy(
                        HostState.Association::source,
                        Collectors.mapping(HostState.Association::reqid, Collectors.toSet())))
                .values()
                .stream()
                .anyMatch(reqids -> reqids.size() > 1);
    }

    private List<DoctorFinding> conntrack() {
        long invalid = watch.rise("NfConntrackInvalid");
        long undelivered = undelivered();
        List<DoctorFinding> found = new ArrayList<>();
        if (undelivered == 0) {
            return found;
        }
        for (Drop drop : watch.after().firewall().drops()) {
            if (!drop.invalid()) {
                continue;
            }
            long dropped = drop.packets() < 0 ? Math.min(invalid, undelivered) : rises.get(drop);
            // Stray packets of others are dropped everywhere.
            if (dropped >= Watch.SOME && dropped * 2 >= undelivered) {
                found.add(DoctorFinding.error(
                                Check.CONNTRACK_INVALID,
                                drop.chain(),
                                Watch.packets(watch.decrypted()) + " were decrypted and none arrived; a rule of chain "
                                        + drop.chain() + " dropped " + dropped + " that conntrack called invalid ("
                                        + drop.rule() + ")",
                                watch.after().attachments().isEmpty() ? remedy() : list(drop))
                        .fixedBy(watch.after().attachments().isEmpty() ? fix() : null));
            }
        }
        return found;
    }

    /** How much each rule dropped meanwhile; 0 if it does not count, or was not read before. */
    private static Map<Drop, Long> rises(Watch watch) {
        Map<String, Long> earlier = new HashMap<>();
        // Of rules that are alike, each may be the one that has dropped most.
        watch.before().firewall().drops().forEach(drop -> earlier.merge(drop.key(), drop.packets(), Math::max));
        boolean known = watch.before().firewall().readable()
                && watch.before().notRead().keySet().stream().noneMatch(part -> part.endsWith("-save"));
        Map<Drop, Long> rises = new HashMap<>();
        for (Drop drop : watch.after().firewall().drops()) {
            rises.put(
                    drop,
                    drop.packets() < 0 || !known
                            ? 0
                            : Watch.rise(earlier.getOrDefault(drop.key(), 0L), drop.packets()));
        }
        return rises;
    }

    private List<DoctorFinding> firewall() {
        long undelivered = undelivered();
        if (undelivered == 0) {
            return List.of();
        }
        // A rule that drops other packets, too, is none that explains these.
        List<Drop> counting = watch.after().firewall().drops().stream()
                .filter(drop -> rises.get(drop) * 2 >= undelivered)
                .sorted(Comparator.comparing((Drop drop) -> !drop.namesPort()).thenComparing(drop -> -rises.get(drop)))
                .toList();
        List<Drop> suspects = counting.isEmpty()
                // Datagrams that reached a socket were not dropped by a packet filter.
                ? watch.after().firewall().drops().stream()
                        .filter(drop -> drop.packets() < 0
                                && (drop.namesPort() || drop.rule().isEmpty())
                                && watch.rise("UdpInDatagrams", "Udp6InDatagrams") < undelivered)
                        .toList()
                : counting;
        return suspects.stream()
                .limit(1)
                .map(drop -> DoctorFinding.error(
                        Check.FIREWALL_AFTER_DECRYPTION,
                        drop.chain(),
                        Watch.packets(undelivered)
                                + " were decrypted" + checksumsOf(undelivered)
                                + ", and none arrived at a VXLAN device; "
                                + (drop.rule().isEmpty()
                                        ? "chain " + drop.chain() + " drops what no rule accepts"
                                        : "a rule of chain " + drop.chain()
                                                + (drop.packets() < 0
                                                        ? " drops such packets ("
                                                        : " dropped " + rises.get(drop) + " (")
                                                + drop.rule() + ")"),
                        list(drop)))
                .toList();
    }

    /** A packet filter drops before UDP verifies, so only csumbpf knows what the checksums were. */
    private String checksumsOf(long undelivered) {
        long right = rise(Attachment::right) + rise(Attachment::repaired);
        return right * 2 >= undelivered ? " with right checksums" : " (whether their checksums are right is not known)";
    }

    private static String[] list(Drop drop) {
        List<String> words = List.of(drop.chain().split(" "));
        // Names are anybody's choice, and must not be options.
        if (words.size() != 3 || words.stream().anyMatch(word -> word.startsWith("-"))) {
            return new String[] {"nft", "list", "ruleset"};
        }
        List<String> command = new ArrayList<>(List.of("nft", "list", "chain"));
        command.addAll(words);
        return command.toArray(String[]::new);
    }

    private List<DoctorFinding> forwarding() {
        if (undelivered() == 0) {
            return List.of();
        }
        Set<String> sources = watch.arrivedFrom();
        List<DoctorFinding> found = new ArrayList<>();
        // With esp4_offload it is seen for which network they are.
        Set<Integer> seen = new HashSet<>();
        watch.packets().stream()
                .filter(packet -> !packet.isEsp() && !packet.outgoing())
                .forEach(packet -> seen.add(packet.vni()));
        Set<String> named = watch.encryptedDevices().stream()
                .flatMap(vxlan -> sourcesOf(vxlan).stream())
                .collect(Collectors.toSet());
        for (Vxlan vxlan : watch.encryptedDevices()) {
            if (!seen.isEmpty() && !seen.contains((int) vxlan.vni())) {
                continue;
            }
            Set<String> known = sourcesOf(vxlan);
            Set<String> strangers = new TreeSet<>(sources);
            strangers.removeAll(known);
            if (seen.isEmpty()) {
                // For which device they are is not known.
                strangers.removeAll(named);
            }
            if (vxlan.learning() && !known.isEmpty() && !strangers.isEmpty()) {
                found.add(DoctorFinding.error(
                        Check.FDB_SOURCE_MISMATCH,
                        vxlan.name(),
                        Watch.packets(watch.decrypted()) + " from " + String.join(", ", strangers)
                                + " were decrypted with right"
                                + " checksums, and " + vxlan.name() + " received none: its permanent entries name "
                                + known.stream().sorted().limit(Watch.SOME).collect(Collectors.joining(", ")),
                        "bridge",
                        "fdb",
                        "show",
                        "dev",
                        vxlan.name()));
            }
        }
        return found;
    }

    /** The addresses from which a device expects packets of stations that it has permanent entries of. */
    private static Set<String> sourcesOf(Vxlan vxlan) {
        return vxlan.forwarding().stream()
                .filter(entry -> entry.permanent() && !entry.station().equals(BROADCAST))
                .map(Forwarding::destination)
                .collect(Collectors.toSet());
    }
}
