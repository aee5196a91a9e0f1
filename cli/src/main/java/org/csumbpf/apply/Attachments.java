// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.pin.Absent;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.HookPlace;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.LinkType;
import org.csumbpf.snapshot.Preflight;
import org.csumbpf.snapshot.Remedy;

/**
 * Attaches, changes, restores and detaches. All state is in the kernel: the pins, the hook and the record that is one of the
 * pinned maps. The program that the kernel runs is the truth; the pins follow it ({@link Repin}).
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
    public static Result attach(NetworkNamespace netns, DesiredAttachment asked) {
        return netns.call(() -> {
            NetDevice device = DevicePins.device(asked.ifname());
            LinkType.refusal(device).ifPresent(refusal -> {
                throw refusal;
            });
            DesiredAttachment desired = asked.on(LinkType.header(device));
            Result result = new Result();
            try (NftBackstop backstop = NftBackstop.open(
                            device, desired.options().backstop(), desired.rules(), result)
                    .orElse(null)) {
                check(device, desired, backstop != null, result);
                return PinTree.change(scope -> {
                    Sweep.run(scope, result);
                    return attach(netns, device, desired, backstop, scope, result);
                });
            }
        });
    }

    /** With the lock held, in the device's namespace. */
    private static Result attach(
            NetworkNamespace netns,
            NetDevice device,
            DesiredAttachment desired,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        PinDirectory pins = DevicePins.here(netns, device, result);
        Optional<LiveHook> live =
                LiveHook.find(HookPlace.receive(pins)).or(() -> Repin.hangAgain(pins, desired, result));
        if (live.isPresent()) {
            Repin.follow(pins, live.get(), device);
            LiveHook hook = LiveHook.find(HookPlace.receive(pins)).orElseThrow();
            try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
                RuleUpdate.requireRoom(maps, desired.rules());
                HostSetup host = new HostSetup(pins, maps.record(), result);
                FirstAttach.prepare(host, device, desired, backstop != null);
                maps.record().update(r -> r.withOptions(desired.options()));
                RuleUpdate.apply(host, hook, device, maps, desired.rules(), backstop, result);
                rebase(pins, device, maps, result);
            }
        } else {
            FirstAttach.run(pins, device, desired, backstop, scope, result);
        }
        return result;
    }

    /** Adds to, takes from or replaces the rules of an existing attachment. */
    public static Result change(NetworkNamespace netns, String ifname, UnaryOperator<RuleSet> edit) {
        return netns.call(() -> {
            NetDevice device = DevicePins.device(ifname);
            if (!PinTree.exists() && !DevicePins.runs(netns, device)) {
                throw Absent.notAttached(ifname);
            }
            return PinTree.change(scope -> {
                Result result = new Result();
                Sweep.run(scope, result);
                PinDirectory pins = DevicePins.here(netns, device, result);
                LiveHook.find(HookPlace.receive(pins)).ifPresentOrElse(live -> Repin.follow(pins, live, device), () -> {
                    throw pins.exists() ? hookLost(netns, ifname) : Absent.notAttached(ifname);
                });
                LiveHook live = LiveHook.find(HookPlace.receive(pins)).orElseThrow();
                try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
                    RuleSet current = RuleSet.read(maps);
                    RuleSet wanted = edit.apply(current);
                    RuleUpdate.requireRoom(maps, wanted);
                    HostSetup host = new HostSetup(pins, maps.record(), result);
                    try (NftBackstop backstop = NftBackstop.open(
                                    device, maps.record().get().options().backstop(), wanted, result)
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
                                        .forEach(obstacle -> result.warnings().add(obstacle.text()));
                            }
                        }
                        RuleUpdate.apply(host, live, device, maps, wanted, backstop, result);
                        rebase(pins, device, maps, result);
                    }
                }
                return result;
            });
        });
    }

    /** Puts back whatever was lost of an attachment, exactly as it was asked for. */
    public static AttachmentResult restore(NetworkNamespace netns, String ifname) {
        NetDevice device = netns.call(() -> DevicePins.device(ifname));
        return netns.call(() -> PinTree.change(scope -> {
            Result result = new Result();
            PinDirectory pins = DevicePins.here(netns, device, result);
            if (!pins.exists() && LiveHook.find(HookPlace.receive(pins)).isEmpty()) {
                throw Absent.notAttached(ifname);
            }
            restore(pins, netns, device, scope, result);
            return new AttachmentResult(ifname, result);
        }));
    }

    /** All attachments: of one namespace, or of all. One that fails does not keep the others. */
    public static List<AttachmentResult> restoreAll(Optional<NetworkNamespace> only) {
        return EachAttachment.run(only, (pins, reach, scope, result) -> {
            if (reach.isGone()) {
                Undo.run(pins, reach, scope, result);
                return;
            }
            PinDirectory there = pins;
            if (reach.state() == Reach.State.MOVED && reach.device().isPresent()) {
                there = DevicePins.follow(pins, reach, result);
            } else if (reach.state() != Reach.State.HERE) {
                throw EachAttachment.notFound(
                        pins, "nothing says that it is gone", "csumbpf --netns PATH restore --all");
            }
            PinDirectory place = there;
            NetworkNamespace netns = reach.moved().or(reach::netns).orElseThrow();
            netns.call(() -> {
                restore(place, netns, reach.device().orElseThrow(), scope, result);
                return null;
            });
        });
    }

    private static void restore(
            PinDirectory pins, NetworkNamespace netns, NetDevice device, PinTree.Scope scope, Result result) {
        LiveHook.find(HookPlace.receive(pins)).ifPresent(live -> Repin.follow(pins, live, device));
        DesiredAttachment desired;
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            desired = new DesiredAttachment(
                    device.name(), RuleSet.read(maps), maps.record().get().options());
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            throw new AttachException(
                    AttachException.Kind.NOT_ATTACHED,
                    "what " + device.name() + " was to be attached with is lost: " + e.getMessage(),
                    "run '" + Remedy.csumbpfLine(netns, "attach", device.name()) + "' with its options");
        }
        try (NftBackstop backstop = NftBackstop.open(device, desired.options().backstop(), desired.rules(), result)
                .orElse(null)) {
            check(device, desired, backstop != null, result);
            attach(netns, device, desired, backstop, scope, result);
        }
    }

    /** Detaches one interface: also one that is gone, if its name is the one it was attached by. */
    public static AttachmentResult detach(NetworkNamespace netns, String ifname) {
        return netns.call(() -> {
            Optional<NetDevice> device = Rtnetlink.device(ifname);
            if (!Bpffs.isMounted(Bpffs.DEFAULT)
                    && device.filter(d -> DevicePins.runs(netns, d)).isEmpty()) {
                DevicePins.device(ifname);
                throw Absent.notAttached(ifname);
            }
            return PinTree.change(scope -> {
                Result result = new Result();
                PinDirectory pins = device.map(d -> DevicePins.here(netns, d, result))
                        .filter(p -> p.exists()
                                || LiveHook.find(HookPlace.receive(p)).isPresent())
                        .or(() -> DevicePins.ofGoneDevice(netns, ifname))
                        .orElseThrow(() -> {
                            DevicePins.device(ifname);
                            return Absent.notAttached(ifname);
                        });
                result.changes().clear();
                try (Reach reach = Reach.of(pins)) {
                    return new AttachmentResult(ifname, Undo.run(pins, reach, scope, result));
                } catch (RuntimeException e) {
                    return new AttachmentResult(ifname, result, Optional.of(e));
                }
            });
        });
    }

    /** Detaches everything: in one namespace, or in all, also those that are gone. */
    public static List<AttachmentResult> detachAll(Optional<NetworkNamespace> only) {
        List<AttachmentResult> all = EachAttachment.run(only, (pins, reach, scope, result) -> {
            if (reach.state() == Reach.State.NETNS_NOT_FOUND
                    || reach.state() == Reach.State.MOVED && reach.device().isEmpty()) {
                EachAttachment.requireNotInForce(pins, reach);
            }
            Undo.run(pins, reach, scope, result);
        });
        if (all.isEmpty()) {
            PinTree.tidy();
        }
        return all;
    }

    /** Loads the classes that the backstop needs, by asking what it would do to the loopback device; changes nothing. */
    public static void warmUpBackstop() {
        RuleSet rules = new RuleSet(1, true, Optional.of(new Rule(Mode.AUTO, true, false)), Map.of());
        Rtnetlink.device("lo")
                .ifPresent(lo -> NftBackstop.open(lo, Backstop.AUTO, rules, new Result())
                        .ifPresent(backstop -> {
                            try (backstop) {
                                backstop.commands(lo, rules);
                            }
                        }));
    }

    private static AttachException hookLost(NetworkNamespace netns, String ifname) {
        return new AttachException(
                AttachException.Kind.NOT_ATTACHED,
                "the program is not on the hook of " + ifname + " any more",
                "run '" + Remedy.csumbpfLine(netns, "restore", ifname) + "' first");
    }

    /** Refuses before anything is changed. With a backstop nothing has to reach tc. */
    private static void check(NetDevice device, DesiredAttachment desired, boolean backstop, Result result) {
        if (!backstop && desired.rules().dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), "--backstop never");
        }
        if (desired.rules().byVni().size() > CsumbpfMaps.RULES_MAX) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED,
                    "attach to " + device.name() + ": "
                            + desired.rules().byVni().size() + " rules do not fit ("
                            + Errno.describe(Errno.E2BIG) + "; room for " + CsumbpfMaps.RULES_MAX + ")",
                    "use --vni any");
        }
        if (!desired.rules().needsProof() || desired.options().force() || backstop) {
            return;
        }
        List<Finding> obstacles =
                new ArrayList<>(Preflight.receivePath(device, desired.options().enableGro()));
        if (LinkType.decryptsBeforeTc(device)) { // else no module changes that
            Preflight.module(Preflight.ESP4_OFFLOAD).ifPresent(obstacles::add);
        }
        if (!obstacles.isEmpty()) {
            throw Preflight.refusal(device.name(), obstacles, desired.options().backstop(), result.warnings());
        }
    }

    /** After a change of rules some counts are gone: what the host counted until then is not to be held against the rest. */
    private static void rebase(PinDirectory pins, NetDevice device, CsumbpfMaps maps, Result result) {
        if (!result.changes().isEmpty()) {
            AttachmentReader.baseline(pins, device)
                    .ifPresent(counted -> maps.record().update(r -> r.withBaseline(counted)));
        }
    }
}
