// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.ForwardingEntry;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.Nftables;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.loader.host.ReceiveDrops;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.maps.Vni;

/**
 * Finds packets that were repaired and that no VXLAN device received: the host drops them after csumbpf. Reads only.
 *
 * <p>Reported only if it is certain: the device never received a packet, and the last one came to tc when the device
 * was there. Nothing is reported if some packets arrive, or if all come to the backstop, which records no times. The
 * suspects come from the host's own drop counters, which count since its start, so there may be several.
 */
final class AfterRepair {
    /** Fewer packets may still be on their way. */
    private static final long REPAIRED_MIN = 3;
    /** A device takes time to be set up, nanoseconds. */
    private static final long SETTLED = 2_000_000_000;
    /** At most so many are named; a host with a packet filter may have many. */
    private static final int SUSPECTS_MAX = 3;

    private static final Set<String> POLICIES =
            Set.of("XfrmInNoPols", "XfrmInPolBlock", "XfrmInPolError", "XfrmInTmplMismatch");

    private final RuleSet rules;
    private final NetStatistics statistics;
    /** Devices whose socket is in this namespace; read when the first rule needs them. */
    private Optional<Found> here = Optional.empty();

    private final Supplier<PeerTable> reader;
    /** Read when the first rule needs them. */
    private Optional<PeerTable> peers = Optional.empty();

    private final MovedDevices elsewhere;
    private final long begun = MonotonicClock.nanos();

    private AfterRepair(RuleSet rules, Supplier<PeerTable> peers, NetStatistics statistics, MovedDevices elsewhere) {
        this.rules = rules;
        this.reader = peers;
        this.statistics = statistics;
        this.elsewhere = elsewhere;
    }

    /**
     * What the host's own counters and rules say of dropped packets.
     *
     * @param policies IPsec policies that refused packets, as "XfrmInNoPols 5"
     * @param rules of nftables
     * @param entries forwarding entries of the devices that compare senders with them
     * @param sources where packets of this VNI come from, as far as the program remembers
     */
    record Host(
            ReceiveDrops drops,
            List<String> policies,
            List<DropRule> rules,
            List<ForwardingEntry> entries,
            Set<InetAddress> sources) {}

    /**
     * One finding for each rule. The caller has entered the attachment's network namespace.
     *
     * @param peers reads the senders that the program remembers; called once at the most
     */
    static List<Finding> problems(
            AttachmentView.Contents contents,
            Supplier<PeerTable> peers,
            Optional<BackstopView> backstop,
            NetStatistics statistics,
            MovedDevices elsewhere) {
        AfterRepair after = new AfterRepair(contents.rules(), peers, statistics, elsewhere);
        List<Finding> problems = new ArrayList<>();
        contents.counters().forEach((vni, counters) -> {
            long afterTc = repaired(backstop, view -> view.byVni().getOrDefault(vni, BackstopCounters.NONE));
            after.problem(Optional.of(vni), counters.get(Outcome.REPAIRED).packets() + afterTc)
                    .ifPresent(problems::add);
        });
        contents.countersOfAny().ifPresent(any -> {
            long afterTc = repaired(backstop, BackstopView::ofAny);
            after.problem(Optional.empty(), any.get(Outcome.REPAIRED).packets() + afterTc)
                    .ifPresent(problems::add);
        });
        return problems;
    }

    private static long repaired(Optional<BackstopView> backstop, Function<BackstopView, BackstopCounters> which) {
        return backstop.map(which)
                .orElse(BackstopCounters.NONE)
                .get(BackstopOutcome.REPAIRED)
                .packets();
    }

    /** @param vni empty: the rule for any VNI */
    private Optional<Finding> problem(Optional<Vni> vni, long repaired) {
        if (repaired < REPAIRED_MIN) {
            return Optional.empty();
        }
        Found found = here().of(vni, rules);
        if (found.devices().isEmpty()) {
            found = elsewhere
                    .find(rules.port(), begun, then -> !dies(vni, then.of(vni, rules)))
                    .of(vni, rules);
        }
        if (!dies(vni, found)) {
            return Optional.empty();
        }
        String rule = vni.map(v -> "vni " + v).orElse("any vni");
        return Optional.of(finding(
                rule,
                repaired,
                found.devices(),
                rules.port(),
                new Host(
                        ReceiveDrops.read(),
                        policies(statistics),
                        drops(rules.port()),
                        found.entries().stream()
                                .filter(entry -> entry.device().learning())
                                .map(Entry::entry)
                                .toList(),
                        sources(vni))));
    }

    /** Whether no repaired packet reaches these devices. */
    private boolean dies(Optional<Vni> vni, Found found) {
        if (found.devices().isEmpty() || found.devices().stream().anyMatch(device -> device.received() > 0)) {
            return false;
        }
        long last =
                peers().lastSeenNanos(number -> concerns(vni, rules, number)).orElse(Long.MIN_VALUE / 2);
        long now = MonotonicClock.nanos();
        return found.devices().stream().allMatch(device -> now - last + SETTLED < found.age(device));
    }

    private PeerTable peers() {
        if (peers.isEmpty()) {
            peers = Optional.of(reader.get());
        }
        return peers.get();
    }

    private Set<InetAddress> sources(Optional<Vni> vni) {
        Set<InetAddress> sources = new HashSet<>();
        peers().forEach(row -> {
            if (concerns(vni, rules, row.vni())) {
                sources.add(row.source());
            }
        });
        return sources;
    }

    /**
     * VXLAN devices on the port.
     *
     * @param devices of one or more namespaces
     * @param entries of their forwarding tables
     */
    record Found(List<VxlanDevice> devices, List<Entry> entries) {
        static Found none() {
            return new Found(new ArrayList<>(), new ArrayList<>());
        }

        /**
         * Adds devices of the namespace that the caller has entered.
         *
         * @param moved true: only devices whose socket is in another namespace; false: only those whose socket is here
         */
        Found add(int port, boolean moved) {
            List<ForwardingEntry> all = Rtnetlink.forwardingEntries();
            for (VxlanDevice device : VxlanDevice.here()) {
                if (device.port() == port && device.moved() == moved) {
                    devices.add(device);
                    for (ForwardingEntry entry : all) {
                        if (entry.ifindex() == device.ifindex()) {
                            entries.add(new Entry(device, entry));
                        }
                    }
                }
            }
            return this;
        }

        /** The devices at which a rule's packets should arrive. */
        Found of(Optional<Vni> vni, RuleSet rules) {
            List<VxlanDevice> wanted = devices.stream()
                    .filter(device -> device.id() == 0 || concerns(vni, rules, device.id())) // 0: takes any
                    .toList();
            return new Found(
                    wanted,
                    entries.stream()
                            .filter(entry -> wanted.contains(entry.device()))
                            .toList());
        }

        /** A device is at least as old as its oldest entry; nanoseconds, 0: not known. */
        long age(VxlanDevice device) {
            return entries.stream()
                    .filter(entry -> entry.device() == device)
                    .mapToLong(entry -> entry.entry().age())
                    .max()
                    .orElse(0);
        }
    }

    private Found here() {
        if (here.isEmpty()) {
            here = Optional.of(Found.none().add(rules.port(), false));
        }
        return here.get();
    }

    /** A forwarding entry with its device, because ifindexes are unique only within a namespace. */
    record Entry(VxlanDevice device, ForwardingEntry entry) {}

    /** @param vni empty: the rule for any VNI, which covers VNIs without a rule of their own */
    private static boolean concerns(Optional<Vni> vni, RuleSet rules, long number) {
        return vni.map(v -> v.value() == number).orElseGet(() -> !rules.byVni().containsKey(new Vni((int) number)));
    }

    /**
     * Policy counters that refused packets, as "XfrmInNoPols 5". IPsec's other errors happen before a packet is
     * repaired.
     */
    static List<String> policies(NetStatistics statistics) {
        return statistics.xfrmInErrors().entrySet().stream()
                .filter(e -> POLICIES.contains(e.getKey()) && e.getValue() > 0)
                .map(e -> e.getKey() + " " + e.getValue())
                .sorted()
                .toList();
    }

    private static List<DropRule> drops(int port) {
        try {
            return DropRule.parse(Nftables.here().listText("ruleset"), port);
        } catch (NftablesException e) {
            return List.of();
        }
    }

    /** What is lost, the suspects, and how to check each. */
    static Finding finding(String rule, long repaired, List<VxlanDevice> devices, int port, Host host) {
        String names = devices.stream().map(VxlanDevice::name).distinct().collect(Collectors.joining(", "));
        List<Suspect> suspects = suspects(names, port, host);
        return new Finding(
                Finding.Id.DROPPED_AFTER_REPAIR,
                Finding.Severity.PROBLEM,
                rule,
                rule + ": " + repaired + " packets are repaired, but none arrives at " + names
                        + ": the host drops them after csumbpf: "
                        + suspects.stream().map(Suspect::evidence).collect(Collectors.joining("; or ")),
                suspects.stream().map(Suspect::remedy).distinct().toList());
    }

    /** What may drop the packets, and how to check. */
    private record Suspect(String evidence, Remedy remedy) {
        Suspect(String evidence, String effect, String... command) {
            this(evidence, new Remedy(List.of(command), effect));
        }
    }

    private static List<Suspect> suspects(String names, int port, Host host) {
        List<Suspect> found = new ArrayList<>();
        if (!host.drops().udpPorts().contains(port)) {
            found.add(new Suspect(
                    "nothing listens on UDP port " + port,
                    "shows the VXLAN devices; set " + names + " up",
                    "ip",
                    "-d",
                    "link",
                    "show",
                    "type",
                    "vxlan"));
        }
        host.rules().stream()
                .limit(SUSPECTS_MAX)
                .forEach(rule -> found.add(new Suspect(rule.evidence(), rule.remedy())));
        if (!host.policies().isEmpty()) {
            found.add(new Suspect(
                    "an IPsec policy refused packets (" + String.join(", ", host.policies()) + ")",
                    "shows the policies",
                    "ip",
                    "xfrm",
                    "policy"));
        }
        if (host.drops().reversePath() > 0) {
            found.add(new Suspect(
                    "rp_filter refused " + host.drops().reversePath() + " packets",
                    "shows where rp_filter is on; 'ip route get SENDER' shows the route that rp_filter checks",
                    "sysctl",
                    "-a",
                    "--pattern",
                    "rp_filter"));
        }
        found.addAll(stations(host));
        if (found.isEmpty() && host.drops().iptablesLegacy()) {
            found.add(new Suspect("perhaps a rule of iptables-legacy", "shows the rules", "iptables-legacy", "-nvL"));
        }
        return found.isEmpty()
                ? List.of(new Suspect("no counter shows where", "shows where", "perf", "trace", "-e", "skb:kfree_skb"))
                : found;
    }

    /** A learning device drops packets from another address than its permanent entry of the sender has. */
    private static List<Suspect> stations(Host host) {
        Map<InetAddress, List<ForwardingEntry>> entries = host.entries().stream()
                .filter(ForwardingEntry::permanent)
                // Not the entry for packets to all: nobody sends from that address.
                .filter(entry -> !entry.station().equals("00:00:00:00:00:00"))
                .collect(Collectors.groupingBy(ForwardingEntry::destination));
        List<InetAddress> strangers = host.sources().stream()
                .filter(source -> !entries.containsKey(source))
                .toList();
        if (strangers.isEmpty() || entries.isEmpty()) {
            return List.of();
        }
        return entries.values().stream()
                .flatMap(List::stream)
                .filter(entry -> !host.sources().contains(entry.destination()))
                .limit(SUSPECTS_MAX)
                .map(entry -> new Suspect(
                        "packets come from "
                                + strangers.stream()
                                        .map(InetAddress::getHostAddress)
                                        .limit(SUSPECTS_MAX)
                                        .collect(Collectors.joining(", "))
                                + ", but the permanent forwarding entry of " + entry.station() + " has "
                                + entry.destination().getHostAddress(),
                        "shows the entries; correct the address",
                        "bridge",
                        "fdb",
                        "show"))
                .toList();
    }
}
