// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.ProgramInfo;
import org.csumbpf.loader.host.InterfaceName;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Evidence;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;

/**
 * One attachment as it is now. Reading it changes nothing and takes no lock, so it may show a change half way.
 *
 * @param netns inode of the network namespace
 * @param netnsName its name under /run/netns, if it has one
 * @param ifindex of the device
 * @param ifname its name now; where it is gone, the name it had
 * @param state whether the kernel runs the program
 * @param hook where it hangs, while it does
 * @param program the program that the kernel runs, while it does
 * @param record what attach noted, if it can be read
 * @param contents rules and counts, if they can be read
 * @param backstop the nftables rules beside the program, if it can be told
 * @param before what runs before the program on the device's ingress, and may keep packets from it
 * @param bypass why decrypted packets do not reach tc at all; empty: they do
 * @param statistics what its network namespace counted when reading began, while that exists
 * @param statisticsAfter the same when reading had ended
 * @param offPath what tells that decrypted packets die all the same; empty: nothing does
 * @param problems what stands in the way, in words for the user
 */
public record AttachmentView(
        long netns,
        Optional<String> netnsName,
        int ifindex,
        String ifname,
        State state,
        Optional<String> hook,
        Optional<ProgramInfo> program,
        Optional<AttachmentRecord> record,
        Optional<Contents> contents,
        Optional<BackstopView> backstop,
        List<String> before,
        List<String> bypass,
        Optional<NetStatistics> statistics,
        Optional<NetStatistics> statisticsAfter,
        Optional<String> offPath,
        List<String> problems) {

    /** Whether the kernel runs the program. */
    public enum State {
        ATTACHED("attached"),
        /** attach has not finished, or detach has not. */
        NOT_HOOKED("half made"),
        /** attach had finished, and somebody has taken the program off since. */
        HOOK_LOST("hook lost"),
        INTERFACE_GONE("interface gone"),
        /** To another network namespace; the program goes along where the hook is tcx. */
        MOVED("interface moved"),
        NETNS_GONE("network namespace gone"),
        /** It may be held where nobody can look. */
        NETNS_NOT_FOUND("network namespace not found"),
        UNREADABLE("cannot be read");

        private final String label;

        State(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /**
     * What the maps hold.
     *
     * @param rules what is repaired
     * @param counters by VNI
     * @param countersOfAny of the rule for any VNI
     * @param detour of csumbpf_detour, by VNI
     * @param detourOfAny of csumbpf_detour and the rule for any VNI
     * @param totals of the device
     * @param peers senders that the program remembers
     * @param eventsLost events that were not told
     * @param lastDecryptedNanos age of the last packet that IPsec decrypted, nanoseconds, if there was one
     */
    public record Contents(
            RuleSet rules,
            Map<Vni, Counters> counters,
            Optional<Counters> countersOfAny,
            Map<Vni, Counters> detour,
            Optional<Counters> detourOfAny,
            Map<Total, Count> totals,
            Map<PeerKey, Peer> peers,
            Map<EventType, Long> eventsLost,
            OptionalLong lastDecryptedNanos) {
        /** Over all rules. */
        public Counters sum() {
            return Counters.sum(counters.values()).plus(countersOfAny.orElse(Counters.NONE));
        }
    }

    /** Which ways repair covers. */
    public enum Path {
        TC("tc"),
        BACKSTOP("backstop"),
        BOTH("tc+backstop"),
        NONE("none");

        private final String label;

        Path(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    public Path path() {
        boolean tc = state == State.ATTACHED && bypass.isEmpty();
        boolean behind = backstop.map(b -> b.state() == BackstopView.State.ON).orElse(false);
        if (behind) {
            return tc ? Path.BOTH : Path.BACKSTOP;
        }
        return tc ? Path.TC : Path.NONE;
    }

    /** The path in words, with the reason where it is not both. */
    public String pathText() {
        return pathWithoutOthers() + (before.isEmpty() ? "" : "; before csumbpf runs " + String.join(" and ", before));
    }

    private String pathWithoutOthers() {
        if (state == State.ATTACHED && contents.isEmpty()) {
            return "tc; whether the backstop is there cannot be told";
        }
        String why = bypass.isEmpty() ? "" : ": " + String.join("; ", bypass);
        String off = backstop.map(b -> " (" + b.state().label() + ": " + b.text() + ")")
                .orElse("");
        return switch (path()) {
            case BOTH ->
                "tc, and the nftables backstop for what bypasses tc ("
                        + backstop.orElseThrow().text() + ")";
            case BACKSTOP ->
                "the nftables backstop alone (" + backstop.orElseThrow().text() + ")" + why;
            case TC ->
                contents.map(c -> c.rules().needsProof()).orElse(true)
                        ? "tc alone, so fragmented ESP for one is not repaired; backstop" + off
                        : "tc";
            case NONE -> "none" + (off.isEmpty() ? "" : "; backstop" + off);
        };
    }

    /** All attachments: of one namespace, or of all. */
    public static List<AttachmentView> readAll(Optional<NetworkNamespace> only) {
        List<AttachmentView> views = readEach(PinTree.attachments(only));
        views.addAll(unpinned(only));
        return withOffPath(views);
    }

    public static List<AttachmentView> readAll(Selection only) {
        return withOffPath(readEach(only.attachments()));
    }

    private static List<AttachmentView> readEach(List<PinDirectory> attachments) {
        List<AttachmentView> views = new ArrayList<>();
        for (PinDirectory pins : attachments) {
            try {
                views.add(read(pins));
            } catch (RuntimeException e) { // whatever it is, the others are to be shown
                views.add(unreadable(pins, e));
            }
        }
        return views;
    }

    /** Whose pins are all lost, while their filters go on: in one namespace, the caller's own if none is named. */
    private static List<AttachmentView> unpinned(Optional<NetworkNamespace> only) {
        try (NetworkNamespace netns = only.isPresent() ? null : NetworkNamespace.current()) {
            NetworkNamespace where = only.orElse(netns);
            return where.call(() -> {
                List<AttachmentView> views = new ArrayList<>();
                for (NetDevice device : Rtnetlink.devices()) {
                    PinDirectory pins = new PinDirectory(where.inode(), device.ifindex());
                    if (!pins.exists() && LiveHook.find(HookPlace.receive(pins)).isPresent()) {
                        views.add(read(pins, where, device, Optional.empty()));
                    }
                }
                return views;
            });
        }
    }

    /** What lies among the pins and is not csumbpf's: a sentence for each. */
    public static List<String> ignored() {
        return PinTree.exists() ? PinDirectory.ignored() : List.of();
    }

    /** Under its usual name all the same, as far as that can be read. */
    private static AttachmentView unreadable(PinDirectory pins, RuntimeException why) {
        Optional<String> netnsName = Optional.empty();
        Optional<AttachmentRecord> record = Optional.empty();
        try (NetworkNamespace netns = NetworkNamespace.byInode(pins.netns()).orElse(null)) {
            netnsName = Optional.ofNullable(netns).flatMap(NetworkNamespace::name);
            record = Reach.record(pins);
        } catch (RuntimeException e) {
            // What is wrong is told already.
        }
        return without(
                pins,
                netnsName,
                record,
                Optional.empty(),
                State.UNREADABLE,
                State.UNREADABLE.label() + ": " + why.getMessage());
    }

    /** All attachments of a port in a namespace share its evidence. */
    private static List<AttachmentView> withOffPath(List<AttachmentView> views) {
        Map<Port, Evidence> sinceByPort = new HashMap<>();
        for (AttachmentView view : views) {
            view.evidence().ifPresent(now -> {
                Evidence since = now.since(view.record.orElseThrow().baseline());
                sinceByPort.merge(view.port().orElseThrow(), since, Evidence::plusAttachment);
            });
        }
        return views.stream()
                .map(view -> view.withOffPath(view.port()
                        .flatMap(port -> Optional.ofNullable(sinceByPort.get(port))
                                .flatMap(since -> OffPath.judge(since, port.number(), OffPath.SINCE_RULES)))))
                .toList();
    }

    /**
     * Where VXLAN packets arrive, by the rules of one or more attachments.
     *
     * @param netns inode of the network namespace
     * @param number of the UDP port, in host order
     */
    public record Port(long netns, int number) {}

    /** Empty where the rules cannot be read. */
    public Optional<Port> port() {
        return contents.map(c -> new Port(netns, c.rules().port()));
    }

    /** The UDP port of an attachment's rules, in host order; that of VXLAN (RFC 7348) where they cannot be read. */
    static int port(PinDirectory pins) {
        return readContents(pins).map(c -> c.rules().port()).orElse(Config.DEFAULT_PORT);
    }

    private AttachmentView withOffPath(Optional<String> value) {
        List<String> all = new ArrayList<>(problems);
        if (value.isPresent() && !before.isEmpty()) {
            all.add("packets may not come to csumbpf: " + String.join(" and ", before)
                    + " runs before it, and may end the chain; see 'bpftool net show dev " + ShellWord.quote(ifname)
                    + "'");
        }
        return new AttachmentView(
                netns,
                netnsName,
                ifindex,
                ifname,
                state,
                hook,
                program,
                record,
                contents,
                backstop,
                before,
                bypass,
                statistics,
                statisticsAfter,
                value,
                all);
    }

    /**
     * What has been counted by now; empty where it cannot be read, or attach has not finished: there is no baseline yet.
     *
     * <p>The host's and the program's counts are not of one moment, and packets come between the two. The host's are the
     * earlier ones here, and the later ones in {@link #baseline}: so each error in between has its explanation.
     */
    public Optional<Evidence> evidence() {
        return evidence(statistics);
    }

    /** What had been counted, for what comes later to be compared with. */
    public Optional<Evidence> baseline() {
        return evidence(statisticsAfter);
    }

    private Optional<Evidence> evidence(Optional<NetStatistics> host) {
        return record.filter(AttachmentRecord::finished).isEmpty() || contents.isEmpty()
                ? Optional.empty()
                : host.map(s -> OffPath.evidence(contents.get(), backstop, s));
    }

    /** Of one attachment of the network namespace that the caller is in. */
    static Optional<Evidence> baseline(PinDirectory pins, NetDevice device) {
        try (NetworkNamespace netns = NetworkNamespace.ofThread()) {
            return read(pins, netns, device, Reach.record(pins)).baseline();
        }
    }

    /**
     * The attachment of one interface, if there is one.
     *
     * @param ifname also an alternative name
     */
    public static Optional<AttachmentView> read(NetworkNamespace netns, String ifname) {
        String name =
                netns.call(() -> Rtnetlink.device(ifname)).map(NetDevice::name).orElse(ifname);
        return readAll(Optional.of(netns)).stream()
                .filter(view -> InterfaceName.matches(view.ifname(), name))
                .findFirst();
    }

    /** Senders that the program remembers; none where the maps cannot be read. */
    public Map<PeerKey, Peer> peers() {
        return contents.map(Contents::peers).orElse(Map.of());
    }

    /** The interface, with the namespace in front where that is not the caller's own: {@code netns/eth0}. */
    public String label() {
        return label(netns, netnsName, ifname);
    }

    /** Where the device is now, or was. */
    static String label(PinDirectory pins, Reach reach) {
        Optional<NetworkNamespace> netns = reach.moved().or(reach::netns);
        return label(
                netns.map(NetworkNamespace::inode).orElse(pins.netns()),
                netns.flatMap(NetworkNamespace::name),
                reach.device()
                        .map(NetDevice::name)
                        .or(() -> Reach.record(pins).map(AttachmentRecord::ifname))
                        .orElse("ifindex " + pins.ifindex()));
    }

    static String label(PinDirectory pins, Optional<NetworkNamespace> netns) {
        return label(pins.netns(), netns.flatMap(NetworkNamespace::name), ifname(pins, netns));
    }

    /** The device's name now; where it is gone, the name it had. */
    static String ifname(PinDirectory pins, Optional<NetworkNamespace> netns) {
        return netns.flatMap(ns -> ns.call(() -> Rtnetlink.device(pins.ifindex())))
                .map(NetDevice::name)
                .or(() -> Reach.record(pins).map(AttachmentRecord::ifname))
                .orElse("ifindex " + pins.ifindex());
    }

    /** The network namespace as metrics name it: empty for the caller's own, else its name, else its inode number. */
    public String netnsLabel() {
        return netnsLabel(netns, netnsName);
    }

    static String netnsLabel(long netns, Optional<String> netnsName) {
        return isCurrent(netns) ? "" : netnsName.orElse(Long.toString(netns));
    }

    private static String label(long netns, Optional<String> netnsName, String ifname) {
        return isCurrent(netns) ? ifname : netnsName.orElse("netns:" + netns) + "/" + ifname;
    }

    private static boolean isCurrent(long netns) {
        try (NetworkNamespace current = NetworkNamespace.current()) {
            return current.inode() == netns;
        }
    }

    private static AttachmentView read(PinDirectory pins) {
        Optional<AttachmentRecord> record = Reach.record(pins);
        try (Reach reach = Reach.of(pins, record)) {
            return switch (reach.state()) {
                case HERE -> {
                    NetworkNamespace netns = reach.netns().orElseThrow();
                    NetDevice device = reach.device().orElseThrow();
                    yield netns.call(() -> read(pins, netns, device, record));
                }
                case MOVED -> moved(pins, reach, record);
                case DEVICE_GONE -> {
                    NetworkNamespace netns = reach.netns().orElseThrow();
                    String detach = record.map(r -> "detach " + ShellWord.quote(r.ifname()))
                            .orElse("detach --all");
                    yield gone(pins, netns.name(), record, State.INTERFACE_GONE, Attachments.command(netns) + detach);
                }
                case NETNS_GONE -> gone(pins, Optional.empty(), record, State.NETNS_GONE, "csumbpf detach --all");
                case NETNS_NOT_FOUND ->
                    gone(pins, Optional.empty(), record, State.NETNS_NOT_FOUND, "csumbpf detach --all");
            };
        }
    }

    private static AttachmentView moved(PinDirectory pins, Reach reach, Optional<AttachmentRecord> record) {
        String where = reach.moved()
                .map(netns -> {
                    String ifname = reach.device().orElseThrow().name();
                    return "to "
                            + (netns.isCurrent() ? "this network namespace" : "network namespace " + netns.reference())
                            + " as " + ifname + "; '" + Attachments.command(netns) + "restore "
                            + ShellWord.quote(ifname)
                            + "' follows it";
                })
                .orElse(
                        "to a network namespace that was not found; run 'csumbpf --netns PATH restore --all' with a path of it");
        return without(
                pins,
                reach.netns().flatMap(NetworkNamespace::name),
                record,
                readContents(pins),
                State.MOVED,
                "the interface was moved " + where);
    }

    private static AttachmentView gone(
            PinDirectory pins,
            Optional<String> netnsName,
            Optional<AttachmentRecord> record,
            State state,
            String remedy) {
        return without(
                pins,
                netnsName,
                record,
                readContents(pins),
                state,
                state.label() + "; '" + remedy + "' clears away what is left");
    }

    /** Of which the kernel says nothing. */
    private static AttachmentView without(
            PinDirectory pins,
            Optional<String> netnsName,
            Optional<AttachmentRecord> record,
            Optional<Contents> contents,
            State state,
            String problem) {
        return new AttachmentView(
                pins.netns(),
                netnsName,
                pins.ifindex(),
                record.map(AttachmentRecord::ifname).orElse("ifindex " + pins.ifindex()),
                state,
                Optional.empty(),
                Optional.empty(),
                record,
                contents,
                Optional.empty(),
                List.of(),
                List.of(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of(problem));
    }

    /** Whether what is pinned was made by a version whose values this one does not know. */
    private static boolean isOfOtherVersion(PinDirectory pins) {
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            maps.record().get();
            RuleSet.read(maps);
            return false;
        } catch (OtherVersionException e) {
            return true;
        } catch (KernelException e) {
            return absent(e).isPresent();
        }
    }

    private static AttachmentView read(
            PinDirectory pins, NetworkNamespace netns, NetDevice device, Optional<AttachmentRecord> record) {
        NetStatistics statistics = NetStatistics.read();
        List<String> problems = new ArrayList<>();
        Optional<LiveHook> live = LiveHook.find(HookPlace.receive(pins));
        Optional<Contents> contents = readContents(pins, live);
        String command = Attachments.command(netns);
        String ifname = ShellWord.quote(device.name());
        String again = command + "restore " + ifname;
        State state = live.isPresent()
                ? State.ATTACHED
                : contents.isPresent()
                                && record.filter(AttachmentRecord::finished).isPresent()
                        ? State.HOOK_LOST
                        : State.NOT_HOOKED;
        if (live.isEmpty() && contents.isEmpty()) {
            problems.add("what is left of it has no rules; '" + command + "detach " + ifname + "' clears it away");
        } else if (live.isEmpty()) {
            problems.add("the program is not on the hook; '" + again + "' puts it back, '" + command + "detach "
                    + ifname + "' clears it away");
        } else if (contents.isEmpty() || record.isEmpty() || !pins.has(PinDirectory.PROGRAM)) {
            problems.add(
                    isOfOtherVersion(pins)
                            ? "attached by another version of csumbpf, whose maps this one cannot read; the program runs on, '"
                                    + command + "detach " + ifname + "' and '" + command + "attach " + ifname
                                    + "' put this one in its place"
                            : "a pin is missing; the program runs on, '" + again + "' mends it");
        }
        Optional<BackstopView> backstop = contents.flatMap(c -> record.map(r -> NftBackstop.read(
                        pins, device, r.options().backstop(), r.changes().contains(HostChange.NFTABLES), c.rules())
                .plus(c.detour(), c.detourOfAny())));
        backstop.filter(b -> b.state() == BackstopView.State.LOST)
                .ifPresent(b -> problems.add(
                        "the nftables backstop does not do its work: " + b.text() + "; '" + again + "' puts it right"));
        List<String> bypass = new ArrayList<>();
        if (contents.map(c -> c.rules().needsProof()).orElse(false)) {
            Preflight.receivePath(device, false).forEach(obstacle -> bypass.add(obstacle.toString()));
            KernelModule.State module = KernelModule.state(Preflight.ESP4_OFFLOAD);
            // Where nothing is decrypted before tc, no module changes that, and it is told already.
            boolean matters = LinkType.decryptsBeforeTc(device);
            if (matters && module == KernelModule.State.UNAVAILABLE) {
                Preflight.module(Preflight.ESP4_OFFLOAD).ifPresent(obstacle -> bypass.add(obstacle.toString()));
            } else if (matters && module != KernelModule.State.LOADED && module != KernelModule.State.BUILT_IN) {
                bypass.add(OffloadSafety.harm()
                        .map(harm ->
                                Preflight.harmful(Preflight.ESP4_OFFLOAD, harm).toString())
                        .orElse(Preflight.ESP4_OFFLOAD + " is not loaded, so ESP is decrypted behind tc: '" + again
                                + "' loads it, or says why it does not"));
            }
            if (backstop.map(b -> b.state() != BackstopView.State.ON).orElse(true)) {
                problems.addAll(bypass);
            }
            if (record.filter(r -> r.changes().contains(HostChange.ESP4_OFFLOAD))
                            .isPresent()
                    && module == KernelModule.State.LOADED) {
                OffloadSafety.harm()
                        .ifPresent(harm -> problems.add(Preflight.ESP4_OFFLOAD
                                + ", which attach loaded, has come to harm this host (" + harm + "); '" + again
                                + "' unloads it"));
            }
        }
        return new AttachmentView(
                pins.netns(),
                netns.name(),
                pins.ifindex(),
                device.name(),
                state,
                live.map(hook -> hook.kind().label()),
                live.map(hook -> {
                    try (BpfProgram program = hook.program()) {
                        return program.info();
                    }
                }),
                record,
                contents,
                backstop,
                live.map(LiveHook::before).orElse(List.of()),
                bypass,
                Optional.of(statistics),
                Optional.of(NetStatistics.read()),
                Optional.empty(),
                problems);
    }

    private static Optional<Contents> readContents(PinDirectory pins) {
        return readContents(pins, Optional.empty());
    }

    private static Optional<Contents> readContents(PinDirectory pins, Optional<LiveHook> live) {
        try (CsumbpfMaps maps = Repin.maps(pins, live)) {
            RuleSet rules = RuleSet.read(maps);
            Map<Vni, Counters> counters = new TreeMap<>();
            Map<Vni, Counters> all = maps.counters();
            rules.byVni().keySet().forEach(vni -> counters.put(vni, all.getOrDefault(vni, Counters.NONE)));
            Map<Vni, Counters> detour = maps.backstopCounters();
            detour.keySet().retainAll(rules.byVni().keySet());
            long now = MonotonicClock.nanos();
            Map<PeerKey, Peer> peers = maps.peers();
            OptionalLong age = peers.values().stream()
                    .mapToLong(peer -> Math.max(0, now - peer.lastSeenNanos()))
                    .min();
            return Optional.of(new Contents(
                    rules,
                    counters,
                    rules.any().flatMap(any -> maps.countersOfAny()),
                    detour,
                    rules.any().flatMap(any -> maps.backstopCountersOfAny()),
                    maps.totals(),
                    peers,
                    maps.eventsLost(),
                    age));
        } catch (OtherVersionException e) {
            return Optional.empty();
        } catch (KernelException e) {
            return absent(e);
        }
    }

    /** A pin that is not there means empty; anything else is an error. */
    static <T> Optional<T> absent(KernelException e) {
        if (e.errno() == Errno.ENOENT) {
            return Optional.empty();
        }
        throw e;
    }
}
