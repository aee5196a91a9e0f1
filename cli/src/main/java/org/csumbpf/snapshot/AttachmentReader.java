// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.csumbpf.backstop.BackstopReader;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.backstop.OrphanedNftRules;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.InterfaceName;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.DropBaseline;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.Location;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Pinned;
import org.csumbpf.pin.Reach;
import org.csumbpf.pin.Selection;

/** Reads attachments as they are now. Changes nothing and takes no lock, so a change may be seen half done. */
public final class AttachmentReader {
    private static final Remedy REMOVE_ALL = new Remedy(List.of("csumbpf", "detach", "--all"), "removes what is left");

    /**
     * What the caller wants of the peers. With 65,536 of them each way takes some 20 ms, and 7 MB for each peer or 5 MB
     * added up.
     */
    public enum Peers {
        /** {@link AttachmentView.Contents#peers} and the time of the last packet. */
        EACH,
        /** {@link AttachmentView.Contents#senders} and the time of the last packet. */
        ADDED_UP,
        /** Nothing: they are not read. */
        SKIPPED,
    }

    private AttachmentReader() {}

    /** All attachments, of one namespace or of all. */
    public static List<AttachmentView> all(Optional<NetworkNamespace> only, Peers peers) {
        return withAfterTcDrops(each(HostSnapshot.take(), OrphanedNftRules.withPinned(only), peers));
    }

    /** @param moved kept by a long-running process */
    public static List<AttachmentView> all(Selection only, MovedDevices moved, Peers peers) {
        return withAfterTcDrops(each(HostSnapshot.take(moved), only.attachments(), peers));
    }

    /**
     * The attachment of one interface, if there is one.
     *
     * @param ifname also an alternative name
     */
    public static Optional<AttachmentView> one(NetworkNamespace netns, String ifname, Peers peers) {
        Optional<NetDevice> device = netns.call(() -> Rtnetlink.device(ifname));
        String name = device.map(NetDevice::name).orElse(ifname);
        boolean pinned = device.filter(found -> new PinDirectory(netns.inode(), found.ifindex()).exists())
                .isPresent();
        // Then no other device needs to be checked.
        List<AttachmentView> views = pinned
                ? withAfterTcDrops(each(HostSnapshot.take(), PinTree.attachments(Optional.of(netns)), peers))
                : all(Optional.of(netns), peers);
        return views.stream()
                .filter(view -> InterfaceName.matches(view.ifname(), name))
                .findFirst();
    }

    /** Entries among the pins that are not csumbpf's: a sentence for each. */
    public static List<String> ignored() {
        return PinTree.exists() ? PinDirectory.ignored() : List.of();
    }

    /** The drop baseline of one attachment in the caller's network namespace: its counts now, for later comparison. */
    public static Optional<DropBaseline> baseline(NamespaceSnapshot netns, PinDirectory pins, NetDevice device) {
        Optional<AttachmentRecord> record = Reach.record(pins);
        Optional<AttachmentView.Contents> contents = contents(pins, Optional.empty(), Peers.SKIPPED);
        Optional<BackstopView> backstop = backstop(netns, pins, device, record, contents);
        return AttachmentView.dropCounts(record, contents, backstop, NetStatistics.read());
    }

    private static List<AttachmentView> each(HostSnapshot host, Collection<PinDirectory> attachments, Peers peers) {
        List<AttachmentView> views = new ArrayList<>();
        for (PinDirectory pins : attachments) {
            try {
                views.add(read(host, pins, peers));
            } catch (RuntimeException e) { // whatever the reason, the others are shown
                views.add(unreadable(pins, e));
            }
        }
        return views;
    }

    /** An attachment that cannot be read, under its usual name as far as that is known. */
    private static AttachmentView unreadable(PinDirectory pins, RuntimeException why) {
        Optional<String> netnsName = Optional.empty();
        Optional<AttachmentRecord> record = Optional.empty();
        try (NetworkNamespace netns = NetworkNamespace.byInode(pins.netns()).orElse(null)) {
            netnsName = Optional.ofNullable(netns).flatMap(NetworkNamespace::name);
            record = Reach.record(pins);
        } catch (RuntimeException e) {
            // The first failure is reported already.
        }
        Location location = Location.of(pins, netnsName, record);
        AttachmentView.State state = AttachmentView.State.UNREADABLE;
        return without(location, record, Optional.empty(), state, state.label() + ": " + why.getMessage());
    }

    /** All attachments of a port in a namespace share the drop counts of that port. */
    private static List<AttachmentView> withAfterTcDrops(List<AttachmentView> views) {
        Map<AttachmentView.Port, DropBaseline> sinceByPort = new HashMap<>();
        for (AttachmentView view : views) {
            view.dropCounts().ifPresent(now -> {
                DropBaseline since = now.since(view.record().orElseThrow().baseline());
                sinceByPort.merge(view.port().orElseThrow(), since, DropBaseline::plusAttachment);
            });
        }
        return views.stream()
                .map(view -> withAfterTcDrops(
                        view,
                        view.port()
                                .flatMap(port -> Optional.ofNullable(sinceByPort.get(port))
                                        .flatMap(since ->
                                                AfterTcDrops.judge(since, port.number(), AfterTcDrops.SINCE_RULES)))))
                .toList();
    }

    private static AttachmentView withAfterTcDrops(AttachmentView view, Optional<String> afterTcDrops) {
        List<Finding> findings = new ArrayList<>(view.findings());
        if (afterTcDrops.isPresent() && !view.before().isEmpty()) {
            List<Remedy> remedies = new ArrayList<>();
            if (view.attached()
                    .filter(program -> program.hook().equals(Hook.TCX.label()))
                    .isPresent()) {
                restore(view)
                        .ifPresent(fix -> remedies.add(
                                new Remedy(fix.command(), "moves csumbpf to the front", Optional.of(fix))));
            }
            remedies.add(new Remedy(List.of("bpftool", "net", "show", "dev", view.ifname()), "shows the order"));
            findings.add(Finding.problem(
                    Finding.Id.PROGRAM_BEFORE,
                    view.ifname(),
                    "packets may not reach csumbpf: " + String.join(" and ", view.before())
                            + " runs before csumbpf, and may end the chain",
                    remedies.toArray(new Remedy[0])));
        }
        return view.with(afterTcDrops, findings);
    }

    /** Empty: the attachment's namespace has no name. */
    private static Optional<Fix> restore(AttachmentView view) {
        if (view.location().netnsLabel().isEmpty()) {
            return Optional.of(new Fix.Restore("", view.ifname()));
        }
        return view.location().netnsName().map(name -> new Fix.Restore(name, view.ifname()));
    }

    private static AttachmentView read(HostSnapshot host, PinDirectory pins, Peers peers) {
        Optional<AttachmentRecord> record = Reach.record(pins);
        try (Reach reach = Reach.of(pins, record)) {
            return switch (reach.state()) {
                case HERE -> {
                    NetworkNamespace netns = reach.netns().orElseThrow();
                    NetDevice device = reach.device().orElseThrow();
                    yield netns.call(() -> here(host, pins, netns, device, record, peers));
                }
                case MOVED -> moved(pins, reach, record, peers);
                case DEVICE_GONE -> {
                    NetworkNamespace netns = reach.netns().orElseThrow();
                    String[] detach = record.map(r -> new String[] {"detach", r.ifname()})
                            .orElse(new String[] {"detach", "--all"});
                    yield gone(
                            Location.of(pins, netns.name(), record),
                            pins,
                            record,
                            peers,
                            AttachmentView.State.INTERFACE_GONE,
                            Remedy.csumbpf(netns, "removes what is left", detach));
                }
                case NETNS_GONE ->
                    gone(
                            Location.of(pins, Optional.empty(), record),
                            pins,
                            record,
                            peers,
                            AttachmentView.State.NETNS_GONE,
                            REMOVE_ALL);
                case NETNS_NOT_FOUND ->
                    gone(
                            Location.of(pins, Optional.empty(), record),
                            pins,
                            record,
                            peers,
                            AttachmentView.State.NETNS_NOT_FOUND,
                            REMOVE_ALL);
            };
        }
    }

    private static AttachmentView moved(
            PinDirectory pins, Reach reach, Optional<AttachmentRecord> record, Peers peers) {
        Location location = Location.of(pins, reach.netns().flatMap(NetworkNamespace::name), record);
        String to = reach.moved()
                .map(netns -> (netns.isCurrent() ? "this network namespace" : "network namespace " + netns.reference())
                        + " as " + reach.device().orElseThrow().name())
                .orElse("a network namespace that is not found");
        Remedy repin = reach.moved()
                .map(netns -> Remedy.restore(
                        netns,
                        "moves the attachment, too",
                        reach.device().orElseThrow().name()))
                .orElse(Remedy.words("run 'csumbpf --netns PATH restore --all' with the path of that namespace"));
        return without(
                location,
                record,
                contents(pins, Optional.empty(), peers),
                AttachmentView.State.MOVED,
                "the interface was moved to " + to,
                repin);
    }

    private static AttachmentView gone(
            Location location,
            PinDirectory pins,
            Optional<AttachmentRecord> record,
            Peers peers,
            AttachmentView.State state,
            Remedy remedy) {
        return without(location, record, contents(pins, Optional.empty(), peers), state, state.label(), remedy);
    }

    /** An attachment of which the kernel knows nothing. */
    private static AttachmentView without(
            Location location,
            Optional<AttachmentRecord> record,
            Optional<AttachmentView.Contents> contents,
            AttachmentView.State state,
            String evidence,
            Remedy... remedies) {
        return new AttachmentView(
                location,
                state,
                Optional.empty(),
                record,
                contents,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(Finding.problem(state.finding(), location.ifname(), evidence, remedies)));
    }

    /** The device is where it was attached. The caller has entered its namespace. */
    private static AttachmentView here(
            HostSnapshot host,
            PinDirectory pins,
            NetworkNamespace netns,
            NetDevice device,
            Optional<AttachmentRecord> record,
            Peers peers) {
        NetStatistics begun = NetStatistics.read();
        Optional<LiveHook> live = LiveHook.find(AttachPoint.receive(pins));
        Optional<AttachmentView.Contents> contents = contents(pins, live, peers);
        Optional<BackstopView> backstop = backstop(host.of(netns), pins, device, record, contents);
        AttachmentFindings findings = new AttachmentFindings(host, netns, device);
        findings.ofHook(pins, live.isPresent(), contents.isPresent(), record);
        backstop.ifPresent(b -> findings.ofBackstop(b, record.orElseThrow()));
        if (contents.map(c -> c.rules().needsProof()).orElse(false)) {
            findings.ofReceivePath(backstop, record);
        }
        contents.filter(c -> live.isPresent())
                .ifPresent(c -> findings.afterRepair(
                        c,
                        // Needed only if a device seems to get nothing.
                        () -> peers == Peers.EACH ? c.peers() : peers(pins, live),
                        backstop,
                        begun));
        return new AttachmentView(
                new Location(pins.netns(), netns.name(), pins.ifindex(), device.name()),
                state(pins, live.isPresent(), contents.isPresent(), record),
                live.map(hook -> {
                    try (BpfProgram program = hook.program()) {
                        return new AttachmentView.AttachedProgram(hook.kind().label(), program.info(), hook.before());
                    }
                }),
                record,
                contents,
                backstop,
                Optional.of(new AttachmentView.HostCounts(begun, NetStatistics.read())),
                Optional.empty(),
                findings.all());
    }

    private static Optional<BackstopView> backstop(
            NamespaceSnapshot netns,
            PinDirectory pins,
            NetDevice device,
            Optional<AttachmentRecord> record,
            Optional<AttachmentView.Contents> contents) {
        return contents.flatMap(c -> record.map(r -> BackstopReader.read(
                        pins,
                        device,
                        r.options().backstop(),
                        r.changes().contains(HostChange.NFTABLES),
                        c.rules(),
                        () -> netns.nftPlans(device, c.rules()))
                .plus(c.loopback(), c.loopbackOfAny())));
    }

    static AttachmentView.State state(
            PinDirectory pins, boolean live, boolean readable, Optional<AttachmentRecord> record) {
        if (live) {
            return AttachmentView.State.ATTACHED;
        }
        return !pins.exists()
                        || readable && record.filter(AttachmentRecord::finished).isPresent()
                ? AttachmentView.State.HOOK_LOST
                : AttachmentView.State.NOT_HOOKED;
    }

    private static PeerTable peers(PinDirectory pins, Optional<LiveHook> live) {
        try (CsumbpfMaps maps = Pinned.maps(pins, live)) {
            return maps.peers();
        }
    }

    private static Optional<AttachmentView.Contents> contents(
            PinDirectory pins, Optional<LiveHook> live, Peers wanted) {
        try (CsumbpfMaps maps = Pinned.maps(pins, live)) {
            RuleSet rules = RuleSet.read(maps);
            Map<Vni, Counters> counters = new TreeMap<>();
            Map<Vni, Counters> all = maps.counters();
            rules.byVni().keySet().forEach(vni -> counters.put(vni, all.getOrDefault(vni, Counters.NONE)));
            Map<Vni, Counters> loopback = maps.backstopCounters();
            loopback.keySet().retainAll(rules.byVni().keySet());
            long now = MonotonicClock.nanos();
            PeerTable peers = wanted == Peers.EACH ? maps.peers() : PeerTable.NONE;
            Senders senders = wanted == Peers.ADDED_UP ? maps.senders() : Senders.NONE;
            OptionalLong last = wanted == Peers.EACH ? peers.lastSeenNanos(vni -> true) : senders.lastSeenNanos();
            return Optional.of(new AttachmentView.Contents(
                    rules,
                    counters,
                    rules.any().flatMap(any -> maps.countersOfAny()),
                    loopback,
                    rules.any().flatMap(any -> maps.backstopCountersOfAny()),
                    maps.totals(),
                    peers,
                    senders,
                    maps.eventsLost(),
                    last.stream().map(nanos -> Math.max(0, now - nanos)).findFirst()));
        } catch (OtherVersionException e) {
            return Optional.empty();
        } catch (KernelException e) {
            return PinDirectory.absent(e);
        }
    }
}
