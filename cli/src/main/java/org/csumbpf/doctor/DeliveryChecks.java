// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
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
import org.csumbpf.maps.Peer;

/** Whether what IPsec decrypted is repaired and arrives at the VXLAN devices. */
final class DeliveryChecks {
    private static final String BROADCAST = "00:00:00:00:00:00";

    private final Watch watch;

    DeliveryChecks(Watch watch) {
        this.watch = watch;
    }

    List<DoctorFinding> all() {
        List<DoctorFinding> found = new ArrayList<>();
        found.addAll(attachments());
        found.addAll(offload(found));
        found.addAll(senders());
        List<DoctorFinding> lost = checksums();
        found.addAll(lost);
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
                        .ifPresent(check -> found.add(DoctorFinding.error(
                                check,
                                attachment.device(),
                                problem.evidence(),
                                problem.remedy().toArray(String[]::new))));
            }
        }
        return found;
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
                List.of(DoctorFinding.error(
                        Check.OFFLOAD_UNSAFE,
                        "esp4_offload",
                        "esp4_offload is loaded, and on this host it breaks traffic: " + harm,
                        "modprobe",
                        "-r",
                        "esp4_offload"));
            case "built_in" ->
                List.of(DoctorFinding.error(
                        Check.OFFLOAD_UNSAFE,
                        "esp4_offload",
                        "esp4_offload is built into the kernel, and on this host it breaks traffic: " + harm));
            default ->
                List.of(DoctorFinding.info(
                        Check.OFFLOAD_UNSAFE, "esp4_offload", "esp4_offload is not loaded and must not be: " + harm));
        };
    }

    private List<DoctorFinding> senders() {
        List<DoctorFinding> found = new ArrayList<>();
        for (Attachment attachment : watch.after().attachments()) {
            List<Sender> earlier = watch.before().attachments().stream()
                    .filter(other -> other.device().equals(attachment.device()) && other.port() == attachment.port())
                    .flatMap(other -> other.peers().stream())
                    .toList();
            for (Sender sender : attachment.peers()) {
                earlier.stream()
                        .filter(sender::isSame)
                        .filter(then -> differs(then, sender))
                        .findFirst()
                        .ifPresent(then -> found.add(sender(
                                attachment,
                                sender,
                                "the checksums of packets from " + sender.source()
                                        + " are wrong, each by something else: "
                                        + (sender.bad() - then.bad()) + " of " + (sender.packets() - then.packets())
                                        + " were computed; NAT would change each by the same")));
            }
        }
        return found;
    }

    /** Mode adjust leaves what NAT does not explain, and the host drops that. */
    private DoctorFinding sender(Attachment attachment, Sender sender, String evidence) {
        return rise(Attachment::failed) >= IpsecChecks.SOME
                ? DoctorFinding.error(
                        Check.SENDER_CHECKSUM,
                        sender.source(),
                        evidence + "; csumbpf left " + rise(Attachment::failed) + " of them as they are",
                        "csumbpf",
                        "attach",
                        attachment.device(),
                        "--mode",
                        "zero")
                : DoctorFinding.warning(Check.SENDER_CHECKSUM, sender.source(), evidence);
    }

    /** Whether checksums were wrong meanwhile by more than one difference. */
    private static boolean differs(Sender then, Sender now) {
        boolean changed = isReal(then.delta()) && isReal(now.delta()) && then.delta() != now.delta();
        // Packets that agree make a difference trusted after few.
        boolean noneAgreed = !then.trusted() && !now.trusted() && now.bad() - then.bad() >= IpsecChecks.SOME;
        return then.checked() != now.checked() && (changed || noneAgreed);
    }

    private static boolean isReal(int delta) {
        return delta != Peer.DELTA_UNKNOWN && delta != Peer.DELTA_NONE;
    }

    private List<DoctorFinding> checksums() {
        long decrypted = watch.decrypted();
        if (decrypted == 0) {
            return List.of();
        }
        long wrong = watch.rise("UdpInCsumErrors", "Udp6InCsumErrors");
        long missing = Math.max(0, decrypted - watch.received());
        long dropped = watch.socketDrops();
        long lost = Math.min(wrong, Math.max(dropped, missing));
        boolean most = missing > 0 && lost * 2 >= missing;
        long repaired = rise(Attachment::repaired);
        List<DoctorFinding> found = new ArrayList<>();
        if (lost >= IpsecChecks.SOME || lost > 0 && most) {
            found.add(DoctorFinding.error(
                    Check.NAT_CHECKSUM,
                    String.join(", ", watch.senders()),
                    Watch.packets(decrypted) + " from " + String.join(", ", watch.senders()) + " were decrypted, and "
                            + lost + " of them dropped for a wrong UDP checksum" + nat() + covered(),
                    remedy()));
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
                : new String[] {"csumbpf", "attach", uplinks.get(0)};
    }

    /** Decrypted packets that no VXLAN device received, if that is certain; else 0. Packets arrive while states are read. */
    private long undelivered() {
        long decrypted = watch.decrypted();
        long received = watch.received();
        return decrypted >= IpsecChecks.SOME && !watch.encryptedDevices().isEmpty() && received == 0 ? decrypted : 0;
    }

    private List<DoctorFinding> conntrack() {
        long invalid = watch.rise("NfConntrackInvalid");
        List<DoctorFinding> found = new ArrayList<>();
        for (Drop drop : watch.after().firewall().drops()) {
            if (!drop.invalid()) {
                continue;
            }
            long dropped = drop.packets() < 0 ? Math.min(invalid, undelivered()) : rise(drop);
            if (dropped >= IpsecChecks.SOME && watch.decrypted() > 0 && undelivered() > 0) {
                found.add(DoctorFinding.error(
                        Check.CONNTRACK_INVALID,
                        drop.chain(),
                        Watch.packets(watch.decrypted()) + " were decrypted and none arrived; a rule of chain "
                                + drop.chain() + " dropped " + dropped + " that conntrack called invalid ("
                                + drop.rule() + ")",
                        watch.after().attachments().isEmpty() ? remedy() : list(drop)));
            }
        }
        return found;
    }

    private long rise(Drop drop) {
        if (drop.packets() < 0) {
            return 0;
        }
        long earlier = watch.before().firewall().drops().stream()
                .filter(drop::isSame)
                .mapToLong(Drop::packets)
                .findFirst()
                .orElse(0);
        return Math.max(0, drop.packets() - earlier);
    }

    private List<DoctorFinding> firewall() {
        long undelivered = undelivered();
        if (undelivered == 0) {
            return List.of();
        }
        List<Drop> counting = watch.after().firewall().drops().stream()
                .filter(drop -> rise(drop) >= IpsecChecks.SOME)
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
                                + " were decrypted with right checksums, and none arrived at a VXLAN device; "
                                + (drop.rule().isEmpty()
                                        ? "chain " + drop.chain() + " drops what no rule accepts"
                                        : "a rule of chain " + drop.chain()
                                                + (drop.packets() < 0
                                                        ? " drops such packets ("
                                                        : " dropped " + rise(drop) + " (")
                                                + drop.rule() + ")"),
                        list(drop)))
                .toList();
    }

    private static String[] list(Drop drop) {
        List<String> command = new ArrayList<>(List.of("nft", "list", "chain"));
        command.addAll(List.of(drop.chain().split(" ")));
        return command.toArray(String[]::new);
    }

    private List<DoctorFinding> forwarding() {
        if (undelivered() == 0) {
            return List.of();
        }
        Set<String> sources = watch.arrivedFrom();
        List<DoctorFinding> found = new ArrayList<>();
        for (Vxlan vxlan : watch.encryptedDevices()) {
            List<Forwarding> stations = vxlan.forwarding().stream()
                    .filter(entry -> entry.permanent() && !entry.station().equals(BROADCAST))
                    .toList();
            Set<String> known =
                    stations.stream().map(Forwarding::destination).collect(Collectors.toCollection(HashSet::new));
            Set<String> strangers = new TreeSet<>(sources);
            strangers.removeAll(known);
            if (vxlan.learning() && !stations.isEmpty() && !strangers.isEmpty()) {
                found.add(DoctorFinding.error(
                        Check.FDB_SOURCE_MISMATCH,
                        vxlan.name(),
                        Watch.packets(watch.decrypted()) + " from " + String.join(", ", strangers)
                                + " were decrypted with right"
                                + " checksums, and " + vxlan.name() + " received none: its permanent entries name "
                                + known.stream()
                                        .sorted()
                                        .limit(IpsecChecks.SOME)
                                        .collect(Collectors.joining(", ")),
                        "bridge",
                        "fdb",
                        "show",
                        "dev",
                        vxlan.name()));
            }
        }
        return found;
    }
}
