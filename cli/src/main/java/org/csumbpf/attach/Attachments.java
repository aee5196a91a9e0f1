// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.LockTimeoutException;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NamespaceSearch;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Evidence;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;

/**
 * Attaches, changes and detaches. All state is in the kernel: the pins, the hook and the record that is one of the
 * pinned maps. The program that the kernel runs is the truth; the pins follow it ({@link #follow}).
 *
 * <p>So a crash leaves one of three things: nothing of effect (pins without a hook, which the next attach or detach
 * clears away), the old state, or the new one. The step between old and new is a single system call: creating or
 * updating the link or the filter, or writing one map element.
 */
public final class Attachments {
    private Attachments() {}

    /**
     * Refuses to work where the pins would end with the command.
     *
     * @param namesNetns whether the arguments name a network namespace already
     * @param arguments the command's own words after {@code csumbpf}, for the way out
     */
    public static void requireLasting(boolean namesNetns, String arguments) {
        PinTree.requireLasting(namesNetns, arguments);
    }

    /** Attaches to an interface, or brings an attachment into the state that is asked for. */
    public static Result attach(NetworkNamespace netns, AttachRequest asked) {
        return netns.call(() -> {
            NetDevice device = device(asked.ifname());
            LinkType.refusal(device).ifPresent(refusal -> {
                throw refusal;
            });
            AttachRequest request = asked.onLink(LinkType.header(device));
            Result result = new Result();
            try (NftBackstop backstop = NftBackstop.open(device, request.backstop(), request.rules(), result)
                    .orElse(null)) {
                check(device, request, backstop != null);
                return PinTree.change(scope -> {
                    PinDirectory pins = new PinDirectory(netns.inode(), device.ifindex());
                    Optional<LiveHook> live = LiveHook.find(HookPlace.receive(pins));
                    if (live.isPresent()) {
                        follow(pins, live.get(), device.name());
                        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
                            HostSetup host = new HostSetup(pins, maps.record(), result);
                            prepare(host, device, request, backstop != null);
                            maps.record().update(r -> r.withBackstop(request.backstop()));
                            update(host, live.get(), device, maps, request.rules(), backstop, result);
                            rebase(pins, device, maps, result);
                        }
                    } else {
                        if (pins.exists()) {
                            clear(pins, true, scope, result);
                            result.changes().clear();
                        }
                        create(pins, device, request, backstop, scope, result);
                    }
                    return result;
                });
            }
        });
    }

    /** Adds to, takes from or replaces the rules of an existing attachment. */
    public static Result change(NetworkNamespace netns, String ifname, UnaryOperator<RuleSet> edit) {
        return netns.call(() -> {
            NetDevice device = device(ifname);
            PinDirectory pins = new PinDirectory(netns.inode(), device.ifindex());
            if (!PinTree.exists()) {
                throw notAttached(ifname);
            }
            return PinTree.change(scope -> {
                LiveHook live = LiveHook.find(HookPlace.receive(pins)).orElseThrow(() -> notAttached(ifname));
                follow(pins, live, device.name());
                Result result = new Result();
                try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
                    RuleSet current = RuleSet.read(maps);
                    RuleSet wanted = edit.apply(current);
                    HostSetup host = new HostSetup(pins, maps.record(), result);
                    try (NftBackstop backstop = NftBackstop.open(
                                    device, maps.record().get().backstop(), wanted, result)
                            .orElse(null)) {
                        if (backstop == null && wanted.dropsPlaintext() && !current.dropsPlaintext()) {
                            throw LinkType.cannotDropFragments(device.name(), "--backstop never");
                        }
                        if (wanted.needsProof() && !current.needsProof()) {
                            if (LinkType.decryptsBeforeTc(device)) {
                                host.loadModules(true, backstop != null);
                            }
                            if (backstop == null) {
                                Preflight.receivePath(device, false)
                                        .forEach(obstacle -> result.warnings().add(obstacle.toString()));
                            }
                        }
                        update(host, live, device, maps, wanted, backstop, result);
                        rebase(pins, device, maps, result);
                    }
                }
                return result;
            });
        });
    }

    /** Detaches one interface: also one that is gone, if its name is the one it was attached by. */
    public static Result detach(NetworkNamespace netns, String ifname) {
        return netns.call(() -> {
            Optional<NetDevice> device = Rtnetlink.device(ifname);
            if (!Bpffs.isMounted(Bpffs.DEFAULT)) {
                device(ifname);
                throw notAttached(ifname);
            }
            return PinTree.change(scope -> {
                PinDirectory pins = device.map(d -> new PinDirectory(netns.inode(), d.ifindex()))
                        .filter(p -> p.exists()
                                || LiveHook.find(HookPlace.receive(p)).isPresent())
                        .or(() -> goneDevice(netns, ifname))
                        .orElseThrow(() -> {
                            device(ifname);
                            return notAttached(ifname);
                        });
                return clear(pins, true, scope, new Result());
            });
        });
    }

    /**
     * Detaches everything: in one namespace, or in all, also those that are gone. One that fails does not keep the others; only
     * where somebody else holds the lock all would wait as long, so the first that does is the last.
     */
    public static List<Detached> detachAll(Optional<NetworkNamespace> only) {
        List<Detached> all = new ArrayList<>();
        for (PinDirectory pins : PinTree.attachments(only)) {
            Result result = new Result();
            String label = "netns:" + pins.netns() + "/ifindex " + pins.ifindex();
            NamespaceSearch.Answer answer = NamespaceSearch.find(pins.netns());
            try (NetworkNamespace netns = answer.namespace().orElse(null)) {
                label = AttachmentView.label(pins, answer.namespace());
                if (netns != null) {
                    netns.call(() -> PinTree.change(scope -> clear(pins, true, scope, result)));
                } else {
                    PinTree.change(scope -> clearGone(pins, answer, scope, result));
                }
                all.add(new Detached(label, result));
            } catch (RuntimeException e) {
                all.add(new Detached(label, result, Optional.of(e)));
                if (e instanceof LockTimeoutException) {
                    break;
                }
            }
        }
        return all;
    }

    /** Of an attachment whose namespace was not found. While something of it may be in force, nothing is undone. */
    private static Result clearGone(
            PinDirectory pins, NamespaceSearch.Answer answer, PinTree.Scope scope, Result result) {
        if (!Remains.namespaceGone(pins, answer)) {
            String why = Remains.stillRuns(pins)
                    ? "the program still runs in it"
                    : answer.complete() || !changedTheNamespace(pins)
                            ? ""
                            : "not everything that could hold it may be seen from here";
            if (!why.isEmpty()) {
                throw new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "network namespace " + pins.netns() + " was not found, but " + why
                                + "; run 'csumbpf --netns PATH detach --all' with a path of it");
            }
        }
        return clear(pins, false, scope, result);
    }

    /**
     * Whether the record names what would go on without the program in a namespace that is still held somewhere. A clsact qdisc
     * without a filter does nothing. A record that cannot be read: it may.
     */
    private static boolean changedTheNamespace(PinDirectory pins) {
        try (RecordMap record = record(pins).orElse(null)) {
            return record == null
                    || !Collections.disjoint(record.get().changes(), Set.of(HostChange.NFTABLES, HostChange.GRO));
        }
    }

    /** Loads the classes that the backstop needs, by asking what it would do to the loopback device; changes nothing. */
    public static void warmUpBackstop() {
        RuleSet rules = new RuleSet(1, true, Optional.of(new Rule(Mode.AUTO, true, false)), Map.of());
        Rtnetlink.device("lo")
                .ifPresent(lo -> NftBackstop.open(lo, Backstop.AUTO, rules, new Result())
                        .ifPresent(backstop -> {
                            try (backstop) {
                                backstop.commands(lo.ifindex(), NftBackstop.Plans.of(lo, rules));
                            }
                        }));
    }

    static AttachException refusal(String ifname, List<Preflight.Obstacle> obstacles) {
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                ifname + ": decrypted packets cannot reach tc: "
                        + obstacles.stream().map(Object::toString).collect(Collectors.joining("; "))
                        + "; --force attaches all the same");
    }

    private static NetDevice device(String ifname) {
        return Rtnetlink.device(ifname)
                .orElseThrow(() -> new AttachException(
                        AttachException.Kind.NO_SUCH_INTERFACE,
                        "no interface " + ifname + " in this network namespace (ENODEV); see 'ip link'"));
    }

    private static AttachException notAttached(String ifname) {
        return new AttachException(
                AttachException.Kind.NOT_ATTACHED, "csumbpf is not attached to " + ifname + "; see 'csumbpf status'");
    }

    /** Refuses before anything is changed. With a backstop nothing has to reach tc. */
    private static void check(NetDevice device, AttachRequest request, boolean backstop) {
        if (!backstop && request.rules().dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), "--backstop never");
        }
        if (!request.rules().needsProof() || request.force() || backstop) {
            return;
        }
        List<Preflight.Obstacle> obstacles = Preflight.receivePath(device, request.enableGro());
        Preflight.module(Preflight.ESP4_OFFLOAD).ifPresent(obstacles::add);
        if (!obstacles.isEmpty()) {
            throw refusal(device.name(), obstacles);
        }
    }

    private static void create(
            PinDirectory pins,
            NetDevice device,
            AttachRequest request,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM);
                CsumbpfMaps maps = object.load();
                BpfProgram program = object.program()) {
            Set<HostChange> changes = scope.mounted() ? Set.of(HostChange.BPFFS) : Set.of();
            maps.record()
                    .set(new AttachmentRecord(
                            device.ifindex(), device.name(), Hook.NONE, changes, request.backstop(), 0, Evidence.NONE));
            write(maps, request.rules().withBackstop(backstop != null));
            pins.create();
            try {
                for (String name : CsumbpfMaps.PINNED) {
                    maps.raw(name).pin(pins.pin(name));
                }
                program.pin(pins.pin(PinDirectory.PROGRAM));
                HostSetup host = new HostSetup(pins, maps.record(), result);
                prepare(host, device, request, backstop != null);
                LiveHook live = LiveHook.attach(HookPlace.receive(pins), maps.record(), program, request.hook());
                if (backstop != null
                        && !backstop.apply(host, device, maps, request.backstop(), request.rules(), result)) {
                    maps.config(request.rules().config());
                }
                Evidence counted = OffPath.evidence(NetStatistics.read());
                maps.record()
                        .update(r ->
                                r.withHook(live.kind()).withBaseline(counted).finishedAt(MonotonicClock.nanos()));
            } catch (RuntimeException e) {
                try {
                    clear(pins, true, scope, new Result());
                } catch (RuntimeException second) {
                    e.addSuppressed(second);
                }
                throw e;
            }
            result.changes().add(0, "attached");
        }
    }

    /** After a change of rules some counts are gone: what the host counted until then is not to be held against the rest. */
    private static void rebase(PinDirectory pins, NetDevice device, CsumbpfMaps maps, Result result) {
        if (!result.changes().isEmpty()) {
            AttachmentView.baseline(pins, device)
                    .ifPresent(counted -> maps.record().update(r -> r.withBaseline(counted)));
        }
    }

    private static void prepare(HostSetup host, NetDevice device, AttachRequest request, boolean backstop) {
        if (request.enableGro()) {
            host.enableGro(device);
        }
        if (request.rules().needsProof() && LinkType.decryptsBeforeTc(device)) {
            host.loadModules(request.force(), backstop);
        }
    }

    private static void write(CsumbpfMaps maps, RuleSet rules) {
        rules.byVni().forEach(maps::putRule);
        maps.config(rules.config());
    }

    /**
     * From the rules that are to those that are asked for, on both paths. nftables changes in one transaction.
     *
     * @param backstop null: there is to be none
     */
    private static void update(
            HostSetup host,
            LiveHook live,
            NetDevice device,
            CsumbpfMaps maps,
            RuleSet wanted,
            NftBackstop backstop,
            Result result) {
        boolean on = backstop != null
                && backstop.apply(host, device, maps, maps.record().get().backstop(), wanted, result);
        updateProgram(host.pins(), live, maps, wanted.withBackstop(on), result);
        if (backstop == null) {
            host.undoBackstop();
        }
    }

    /**
     * One element of a map is written in place. More than one would pass through states that nobody asked for, so they go
     * into new maps with a new program, and the hook takes that one in a single step. Counters and peers stay.
     */
    private static void updateProgram(
            PinDirectory pins, LiveHook live, CsumbpfMaps maps, RuleSet wanted, Result result) {
        RuleSet current = RuleSet.read(maps);
        List<String> differences = RuleChanges.between(current, wanted);
        boolean inPlace = RuleChanges.elements(current, wanted) <= 1;
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM)) {
            try (CsumbpfMaps next = inPlace ? object.load(maps) : object.loadWithNewRules(maps);
                    BpfProgram program = object.program()) {
                boolean otherProgram = !program.info().tag().equals(live.tag());
                if (!inPlace || otherProgram) {
                    if (!inPlace) {
                        write(next, wanted);
                    }
                    live.replace(program);
                    follow(
                            pins,
                            LiveHook.find(live.place()).orElseThrow(),
                            maps.record().get().ifname());
                }
                if (inPlace && !current.equals(wanted)) {
                    writeOne(maps, current, wanted);
                }
                if (otherProgram) {
                    result.changes()
                            .add("replaced the program by " + program.info().tag());
                }
            }
            maps.removeCountersExcept(wanted.byVni().keySet(), wanted.any().isPresent());
        }
        result.changes().addAll(differences);
    }

    private static void writeOne(CsumbpfMaps maps, RuleSet current, RuleSet wanted) {
        if (!current.config().equals(wanted.config())) {
            maps.config(wanted.config());
            return;
        }
        for (Map.Entry<Vni, Rule> entry : wanted.byVni().entrySet()) {
            if (!entry.getValue().equals(current.byVni().get(entry.getKey()))) {
                maps.putRule(entry.getKey(), entry.getValue());
                return;
            }
        }
        for (Vni vni : current.byVni().keySet()) {
            if (!wanted.byVni().containsKey(vni)) {
                maps.removeRule(vni);
                return;
            }
        }
    }

    /**
     * Makes the pins those of the program that the kernel runs: after a swap, and where a crash or somebody's rm came
     * between the two. The program holds all its maps, the record among them, so none of them can be lost while it runs.
     */
    private static void follow(PinDirectory pins, LiveHook live, String ifname) {
        pins.create();
        pins.removeReplacements();
        try (BpfProgram program = live.program()) {
            if (pinnedProgram(pins) != live.programId()) {
                pins.replace(PinDirectory.PROGRAM, program::pin);
            }
            Map<String, Integer> ids = new HashMap<>();
            for (int id : program.info().mapIds()) {
                RawMap.fromId(id).ifPresent(map -> {
                    try (map) {
                        ids.put(map.info().name(), id);
                    }
                });
            }
            for (String name : CsumbpfMaps.PINNED) {
                Integer id = ids.get(name);
                if (id != null && pinnedMap(pins, name) != id) {
                    try (RawMap map = RawMap.fromId(id).orElseThrow()) {
                        pins.replace(name, map::pin);
                    }
                }
            }
        }
        try (RecordMap map = RecordMap.fromPin(pins.path())) {
            AttachmentRecord record = map.get();
            if (!record.finished() || record.hook() != live.kind()) {
                map.set(new AttachmentRecord(
                        pins.ifindex(),
                        ifname,
                        live.kind(),
                        record.changes(),
                        record.backstop(),
                        MonotonicClock.nanos(),
                        record.finished() ? record.baseline() : OffPath.evidence(NetStatistics.read())));
            }
        }
    }

    private static int pinnedProgram(PinDirectory pins) {
        if (!pins.has(PinDirectory.PROGRAM)) {
            return 0;
        }
        try (BpfProgram program = BpfProgram.fromPin(pins.pin(PinDirectory.PROGRAM))) {
            return program.info().id();
        }
    }

    private static int pinnedMap(PinDirectory pins, String name) {
        if (!pins.has(name)) {
            return 0;
        }
        try (RawMap map = RawMap.fromPin(pins.pin(name))) {
            return map.info().id();
        }
    }

    /**
     * Undoes all that attach made, also of an attach that did not finish.
     *
     * @param inNamespace the caller has entered the device's namespace; false: it no longer exists
     */
    private static Result clear(PinDirectory pins, boolean inNamespace, PinTree.Scope scope, Result result) {
        if (inNamespace) {
            Optional<LiveHook> live = LiveHook.find(HookPlace.receive(pins));
            if (live.isPresent()) {
                try {
                    follow(pins, live.get(), Integer.toString(pins.ifindex()));
                } catch (OtherVersionException e) {
                    // Its record is treated as lost, below.
                }
                live.get().detach();
                result.changes().add("detached");
            }
        }
        Optional<RecordMap> found = record(pins);
        if (found.isPresent()) {
            try (RecordMap record = found.get()) {
                HostSetup host = new HostSetup(pins, record, result);
                if (inNamespace) {
                    host.undoOnDevice();
                }
                host.undoOnHost();
                if (record.get().changes().contains(HostChange.BPFFS) && !host.handOver(HostChange.BPFFS)) {
                    scope.unmountWhenEmpty();
                }
            }
        } else {
            if (inNamespace) {
                NftBackstop.remove(pins.ifindex(), result);
                LiveHook.find(HookPlace.detour(pins)).ifPresent(LiveHook::detach);
            }
            result.warnings()
                    .add(
                            "the record of what attach changed on the host cannot be read: GRO of the interface and the modules "
                                    + Preflight.ESP4_OFFLOAD + " and " + Preflight.ESP6_OFFLOAD + " stay as they are");
        }
        pins.removeAll(RecordMap.NAME)
                .forEach(path -> result.warnings().add("left " + path + ": it is no pin of csumbpf"));
        if (result.changes().isEmpty()) {
            result.changes().add("removed what was left of an attachment");
        }
        return result;
    }

    /** The record; empty where it is gone, or of another version. */
    private static Optional<RecordMap> record(PinDirectory pins) {
        if (!pins.has(RecordMap.NAME)) {
            return Optional.empty();
        }
        try {
            RecordMap record = RecordMap.fromPin(pins.path());
            try {
                record.get();
                return Optional.of(record);
            } catch (OtherVersionException e) {
                record.close();
                return Optional.empty();
            }
        } catch (OtherVersionException e) {
            return Optional.empty();
        }
    }

    /** An attachment in this namespace by the name that its device had, if that device is no more. */
    private static Optional<PinDirectory> goneDevice(NetworkNamespace netns, String ifname) {
        return PinDirectory.of(netns.inode()).stream()
                .filter(pins -> Rtnetlink.device(pins.ifindex()).isEmpty())
                .filter(pins -> {
                    try (RecordMap record = record(pins).orElse(null)) {
                        return record != null && record.get().ifname().equals(ifname);
                    }
                })
                .findFirst();
    }
}
