// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.csumbpf.backstop.OrphanedNftRules;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Hook;
import org.csumbpf.pin.Absent;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.plan.AttachPlan;
import org.csumbpf.plan.Standing;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.HostSnapshot;
import org.csumbpf.snapshot.LinkType;
import org.csumbpf.snapshot.NamespaceSnapshot;
import org.csumbpf.snapshot.Remedy;

/**
 * Attaches, changes, restores and detaches. All state is in the kernel: pins, hook, and the record, which is one of the
 * pinned maps. The running program is the truth, and the pins follow it ({@link Repin}).
 *
 * <p>A crash therefore leaves the old state, the new one, or pins without a hook. The next attach takes over what they
 * changed on the host, for example nftables rules that still repair; detach removes it. The step from old to new is one system call: it creates or updates the link or the
 * filter, or writes one map element.
 */
public final class Attachments {
    private Attachments() {}

    /**
     * Refuses to run where the pins would end with the command.
     *
     * @param namesNetns whether the arguments already name a network namespace
     * @param arguments the words after {@code csumbpf}, for the command that the error suggests
     */
    public static void requireLasting(boolean namesNetns, String arguments) {
        PinTree.requireLasting(namesNetns, arguments);
    }

    /** Attaches to an interface, or changes a standing attachment to what is asked for. */
    public static Result attach(NetworkNamespace netns, DesiredAttachment asked) {
        return netns.call(() -> {
            NetDevice device = DevicePins.device(asked.ifname());
            LinkType.refusal(device).ifPresent(refusal -> {
                throw refusal;
            });
            DesiredAttachment desired = asked.on(LinkType.header(device));
            Result result = new Result();
            NftBackstop backstop = check(netns, device, desired, result);
            return PinTree.change(scope -> {
                Sweep.run(scope, result);
                bring(netns, DevicePins.here(netns, device, result), device, desired, backstop, scope, result);
                return result;
            });
        });
    }

    /** Refuses what cannot work, before anything is changed. */
    private static NftBackstop check(
            NetworkNamespace netns, NetDevice device, DesiredAttachment desired, Result result) {
        NftBackstop backstop = NftBackstop.of(desired.options().backstop(), desired.rules());
        HostSnapshot host = HostSnapshot.take();
        AttachPlan.check(host, host.of(netns), device, desired, backstop.availability())
                .forEach(result::warn);
        return backstop;
    }

    /** Changes what stands into what is asked for. The caller holds the lock and has entered the device's namespace. */
    private static void bring(
            NetworkNamespace netns,
            PinDirectory pins,
            NetDevice device,
            DesiredAttachment desired,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        try (StandingAttachment found = StandingAttachment.find(pins, device, desired, scope, result)) {
            if (found.maps() != null) {
                RuleUpdate.requireRoom(found.maps(), desired.rules());
            }
            carryOut(AttachPlan::of, found, netns, device, desired, backstop, scope, result);
        }
    }

    /** How a plan is made. */
    private interface Planning {
        AttachPlan plan(
                HostSnapshot host,
                NamespaceSnapshot netns,
                NetDevice device,
                DesiredAttachment desired,
                Standing standing,
                boolean nftables);
    }

    /** Plans and does the steps, by the host as it is now: it may have changed before the lock was held. */
    private static void carryOut(
            Planning planning,
            StandingAttachment found,
            NetworkNamespace netns,
            NetDevice device,
            DesiredAttachment desired,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        HostSnapshot host = HostSnapshot.take();
        NamespaceSnapshot here = host.of(netns);
        AttachPlan plan = planning.plan(
                host,
                here,
                device,
                desired,
                found.standing(),
                backstop.availability().usable());
        new StepRunner(found, here, device, desired, backstop, scope, result).run(plan);
    }

    /** Adds, removes or replaces rules of a running attachment. */
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
                try (StandingAttachment found = StandingAttachment.running(pins, device)
                        .orElseThrow(() -> pins.exists() ? hookLost(netns, ifname) : Absent.notAttached(ifname))) {
                    Standing standing = found.standing();
                    DesiredAttachment desired = new DesiredAttachment(
                            device.name(), edit.apply(standing.rules().orElseThrow()), standing.options());
                    RuleUpdate.requireRoom(found.maps(), desired.rules());
                    NftBackstop backstop = NftBackstop.of(desired.options().backstop(), desired.rules());
                    AttachPlan.checkBackstop(
                                    device, desired.options().backstop(), desired.rules(), backstop.availability())
                            .forEach(result::warn);
                    carryOut(AttachPlan::ofRules, found, netns, device, desired, backstop, scope, result);
                }
                return result;
            });
        });
    }

    /** Restores whatever an attachment lost, exactly as it was asked for. */
    public static AttachmentResult restore(NetworkNamespace netns, String ifname) {
        return restore(netns, ifname, UnaryOperator.identity());
    }

    /** Restores an attachment as if it had been asked to switch GRO of its device on. */
    public static AttachmentResult enableGro(NetworkNamespace netns, String ifname) {
        return restore(netns, ifname, AttachOptions::withGro);
    }

    private static AttachmentResult restore(
            NetworkNamespace netns, String ifname, UnaryOperator<AttachOptions> options) {
        NetDevice device = netns.call(() -> DevicePins.device(ifname));
        return netns.call(() -> PinTree.change(scope -> {
            Result result = new Result();
            PinDirectory pins = DevicePins.here(netns, device, result);
            if (!pins.exists() && LiveHook.find(AttachPoint.receive(pins)).isEmpty()) {
                throw Absent.notAttached(ifname);
            }
            restore(pins, netns, device, options, scope, result);
            return new AttachmentResult(ifname, result);
        }));
    }

    /** Restores all attachments of one namespace or of all. If one fails, the others are restored all the same. */
    public static List<AttachmentResult> restoreAll(Optional<NetworkNamespace> only) {
        return EachAttachment.run(OrphanedNftRules.withPinned(only), Attachments::restore);
    }

    /** Restores those whose device was moved to another namespace since, and that were attached with such options. */
    public static List<AttachmentResult> restoreMoved(NetworkNamespace from, Predicate<AttachOptions> which) {
        List<PinDirectory> moved = PinTree.attachments(Optional.of(from)).stream()
                .filter(pins -> Reach.record(pins)
                        .filter(record -> which.test(record.options()))
                        .isPresent())
                .filter(pins -> {
                    try (Reach reach = Reach.of(pins)) {
                        return reach.state() == Reach.State.MOVED;
                    }
                })
                .toList();
        return EachAttachment.run(moved, Attachments::restore);
    }

    private static void restore(PinDirectory pins, Reach reach, PinTree.Scope scope, Result result) {
        if (reach.isGone()) {
            Undo.run(pins, reach, scope, result);
            return;
        }
        PinDirectory there = pins;
        if (reach.state() == Reach.State.MOVED && reach.device().isPresent()) {
            there = DevicePins.repin(pins, reach, result);
        } else if (reach.state() != Reach.State.HERE) {
            throw EachAttachment.notFound(pins, "it may still exist", "csumbpf --netns PATH restore --all");
        }
        PinDirectory current = there;
        NetworkNamespace netns = reach.moved().or(reach::netns).orElseThrow();
        netns.call(() -> {
            restore(current, netns, reach.device().orElseThrow(), UnaryOperator.identity(), scope, result);
            return null;
        });
    }

    /** @param options makes what is asked for of what the record says */
    private static void restore(
            PinDirectory pins,
            NetworkNamespace netns,
            NetDevice device,
            UnaryOperator<AttachOptions> options,
            PinTree.Scope scope,
            Result result) {
        LiveHook.find(AttachPoint.receive(pins)).ifPresent(live -> {
            Repin.repin(pins, live, device);
            if (live.kind() == Hook.TCX && !live.before().isEmpty() && losesPackets(netns, device)) {
                live.moveFirst();
                result.add(Change.Id.MOVED_FIRST);
            }
        });
        DesiredAttachment desired;
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            desired = new DesiredAttachment(
                    device.name(),
                    RuleSet.read(maps),
                    options.apply(maps.record().get().options()));
        } catch (KernelException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            throw new AttachException(
                    AttachException.Kind.NOT_ATTACHED,
                    "restore " + device.name() + " failed: the options of the attachment are lost: " + e.getMessage(),
                    "run '" + Remedy.csumbpfLine(netns, "attach", device.name()) + "' with the options it had");
        }
        NftBackstop backstop = check(netns, device, desired, result);
        bring(netns, pins, device, desired, backstop, scope, result);
    }

    /** Whether packets are dropped that may not reach csumbpf. Otherwise whoever is in front may stay there. */
    private static boolean losesPackets(NetworkNamespace netns, NetDevice device) {
        return AttachmentReader.one(netns, device.name(), AttachmentReader.Peers.SKIPPED)
                .filter(view -> view.findings().stream().anyMatch(f -> f.id() == Finding.Id.PROGRAM_BEFORE))
                .isPresent();
    }

    /** Detaches one interface. One that no longer exists is found by the name that it was attached by. */
    public static AttachmentResult detach(NetworkNamespace netns, String ifname) {
        return netns.call(() -> {
            Optional<NetDevice> device = Rtnetlink.device(ifname);
            if (!Bpffs.isMounted(Bpffs.directory())
                    && device.filter(d -> DevicePins.hasProgramOrRules(netns, d))
                            .isEmpty()) {
                DevicePins.device(ifname);
                throw Absent.notAttached(ifname);
            }
            return PinTree.change(scope -> {
                Result result = new Result();
                PinDirectory pins = device.map(d -> DevicePins.here(netns, d, result))
                        .filter(p -> p.exists() || DevicePins.hasProgramOrRules(netns, device.get()))
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

    /**
     * Detaches everything in one namespace or in all, also what is left of namespaces and devices that are gone.
     *
     * @param forget give up what attach changed in namespaces that are not found, though something may still hold them
     */
    public static List<AttachmentResult> detachAll(Optional<NetworkNamespace> only, boolean forget) {
        List<AttachmentResult> all =
                EachAttachment.run(OrphanedNftRules.withPinned(only), (pins, reach, scope, result) -> {
                    if (reach.state() == Reach.State.NETNS_NOT_FOUND
                            || reach.state() == Reach.State.MOVED
                                    && reach.device().isEmpty()) {
                        EachAttachment.requireNotInForce(pins, reach, forget);
                    }
                    Undo.run(pins, reach, scope, result);
                });
        if (all.isEmpty()) {
            PinTree.tidy();
        }
        return all;
    }

    private static AttachException hookLost(NetworkNamespace netns, String ifname) {
        return new AttachException(
                AttachException.Kind.NOT_ATTACHED,
                "change rules of " + ifname + " failed: the program is not attached to its hook",
                "run '" + Remedy.csumbpfLine(netns, "restore", ifname) + "' first");
    }
}
