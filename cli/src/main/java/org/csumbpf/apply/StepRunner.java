// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.DropBaseline;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.Identities;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.plan.AttachPlan;
import org.csumbpf.plan.Standing;
import org.csumbpf.plan.Step;
import org.csumbpf.snapshot.AfterTcDrops;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.NamespaceSnapshot;

/**
 * Runs the steps of a plan in order. If one fails, those before it are undone: a new attachment is removed
 * ({@link Undo}), a standing one gets back what it had. One that takes over what another changed on the host leaves
 * that as it is, because it may repair: nftables rules do without the hook. The caller holds the lock and has entered
 * the device's namespace.
 */
final class StepRunner {
    /** What a new attachment replaces one by one, or goes on using. */
    private static final Set<String> KEPT = Stream.concat(
                    CsumbpfMaps.PINNED.stream(), Stream.of(PinDirectory.PROGRAM, PinDirectory.LOOPBACK_LINK))
            .collect(Collectors.toUnmodifiableSet());

    private final StandingAttachment attachment;
    private final NamespaceSnapshot netns;
    private final NetDevice device;
    private final DesiredAttachment desired;
    private final NftBackstop backstop;
    private final PinTree.Scope scope;
    private final Result result;
    private final boolean isNew;
    private final boolean takesOver;
    /** Modules that were to be unloaded and are in use: the plan's finding that they are not loaded is not true then. */
    private final Set<String> stillLoaded = new HashSet<>();
    /** Undoes the steps done so far, the last one first. */
    private final Deque<Runnable> undo = new ArrayDeque<>();

    StepRunner(
            StandingAttachment attachment,
            NamespaceSnapshot netns,
            NetDevice device,
            DesiredAttachment desired,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        this.attachment = attachment;
        this.netns = netns;
        this.device = device;
        this.desired = desired;
        this.backstop = backstop;
        this.scope = scope;
        this.result = result;
        this.isNew = attachment.standing().isWithoutProgram();
        this.takesOver = attachment.standing().state() == Standing.State.REMAINS;
    }

    void run(AttachPlan plan) {
        for (Step step : plan.steps()) {
            try {
                run(step);
            } catch (RuntimeException e) {
                takeBack(e);
                throw e;
            }
        }
        plan.findings().stream()
                .filter(finding -> finding.id() != Finding.Id.MODULE_UNSAFE || !stillLoaded.contains(finding.subject()))
                .forEach(result::warn);
    }

    private void takeBack(RuntimeException failure) {
        while (!undo.isEmpty()) {
            try {
                undo.pop().run();
            } catch (RuntimeException second) { // the others are tried all the same
                failure.addSuppressed(second);
            }
        }
    }

    /** @param work for an attachment of which something stands; another is undone as a whole, by its record */
    private void undoneBy(Runnable work) {
        if (!isNew || takesOver) {
            undo.push(work);
        }
    }

    private HostSetup host(Result reported) {
        return new HostSetup(attachment.pins(), attachment.maps().record(), reported);
    }

    /** For undoing: only the failure is reported, not what was undone. */
    private HostSetup back() {
        return host(new Result());
    }

    private void run(Step step) {
        if (step instanceof Step.Make make) {
            undo.push(takesOver ? attachment::repinEarlier : this::undoAll);
            make(make.rules());
        } else if (step instanceof Step.SwitchGroOn) {
            undoneBy(() -> back().undoGro(device));
            host(result).switchGroOn(device);
        } else if (step instanceof Step.LoadModule load) {
            undoneBy(() -> back().unloadModule(load.module()));
            loadModule(load);
        } else if (step instanceof Step.UnloadModule unload) {
            if (!host(result).unloadModule(unload.module())) {
                stillLoaded.add(unload.module());
            }
        } else if (step instanceof Step.ForgetModule forget) {
            host(result).forgetModule(forget.module());
        } else if (step instanceof Step.Attach attach) {
            undoneBy(this::detachAgain);
            attach(attachment.program(), attach.hook());
        } else if (step instanceof Step.Reattach reattach) {
            reattach(reattach.hook());
        } else if (step instanceof Step.RecordOptions options) {
            undoneBy(() -> record(options.from()));
            record(options.to());
        } else if (step instanceof Step.SetBackstop set) {
            undoneBy(this::backstopAsBefore);
            setBackstop(set.plans(), set.rules());
        } else if (step instanceof Step.RemoveBackstop) {
            undoneBy(this::backstopAsBefore);
            removeBackstop();
        } else if (step instanceof Step.WriteRules write) {
            undoneBy(this::rulesAsBefore);
            writeRules(write.to());
        } else if (step instanceof Step.TakeBaseline) {
            takeBaseline();
        } else {
            throw new IllegalArgumentException("no step: " + step);
        }
    }

    private void make(RuleSet rules) {
        PinDirectory pins = attachment.pins();
        CsumbpfMaps maps = attachment.load();
        maps.record()
                .set(AttachmentRecord.begun(
                        device.ifindex(),
                        device.name(),
                        Identities.of(device),
                        attachment.standing().changes(),
                        desired.options()));
        RuleUpdate.write(maps, rules);
        pins.create();
        pins.removeAllBut(KEPT);
        for (String name : CsumbpfMaps.PINNED) {
            pins.replace(name, maps.raw(name)::pin);
        }
        pins.replace(PinDirectory.PROGRAM, attachment.program()::pin);
    }

    private void detachAgain() {
        LiveHook.find(AttachPoint.receive(attachment.pins())).ifPresent(LiveHook::detach);
        if (!attachment.standing().changes().contains(HostChange.CLSACT)) {
            back().undoClsact(device);
        }
    }

    private void undoAll() {
        if (!attachment.pins().exists()) {
            return;
        }
        try (Reach reach = Reach.of(attachment.pins())) {
            Undo.run(attachment.pins(), reach, scope, new Result());
        }
    }

    private void loadModule(Step.LoadModule step) {
        host(result)
                .loadModule(step.module())
                .flatMap(missing -> AttachPlan.without(
                        missing, device, desired, backstop.availability().usable(), step.required()))
                .ifPresent(result::warn);
    }

    private void attach(BpfProgram program, Optional<Hook> hook) {
        attachment.attached(LiveHook.attach(
                AttachPoint.receive(attachment.pins()), attachment.maps().record(), program, hook));
        result.changes().add(0, Change.of(Change.Id.ATTACHED));
    }

    private void reattach(Optional<Hook> hook) {
        try (BpfProgram program = BpfProgram.fromPin(attachment.pins().pin(PinDirectory.PROGRAM))) {
            attach(program, hook);
        }
        attachment.maps().record().update(r -> r.withHook(attachment.live().kind()));
    }

    private void record(AttachOptions options) {
        attachment.maps().record().update(r -> r.withOptions(options));
    }

    private void setBackstop(NftPlans plans, RuleSet rules) {
        CsumbpfMaps maps = attachment.maps();
        boolean on = backstop.apply(
                host(result), device, maps, plans, desired.options().backstop(), rules, result);
        attachment.backstop(on);
        if (!on && isNew) {
            maps.config(rules.withBackstop(false).config());
        }
    }

    /** What an earlier attachment left does not make a new one fail: it stays recorded, and detach tries again. */
    private void removeBackstop() {
        try {
            host(result).undoBackstop();
        } catch (AttachException e) {
            if (!isNew) {
                throw e;
            }
            result.leave(device.name(), "cleanup of an earlier attachment failed: " + e.problem());
        }
    }

    /** Sets nftables up for the rules before. */
    private void backstopAsBefore() {
        if (attachment.standing().rules().isEmpty()) {
            // Of what remained the rules are not known. What had none gets none.
            if (!attachment.standing().changes().contains(HostChange.NFTABLES)) {
                back().undoBackstop();
            }
            return;
        }
        RuleSet before = attachment.standing().rules().get();
        Backstop wish = attachment.standing().options().backstop();
        if (!before.backstop()) {
            back().undoBackstop();
            return;
        }
        NftBackstop again = NftBackstop.of(wish, before);
        if (again.availability().usable()) {
            again.apply(back(), device, attachment.maps(), netns.nftPlans(device, before), wish, before, new Result());
        }
    }

    private void writeRules(RuleSet to) {
        RuleUpdate.updateProgram(
                attachment.pins(),
                attachment.live(),
                attachment.maps(),
                to.withBackstop(attachment.hasBackstop()),
                result);
    }

    /** Adopts the pins first: another program may run by now. */
    private void rulesAsBefore() {
        PinDirectory pins = attachment.pins();
        LiveHook live = LiveHook.find(AttachPoint.receive(pins)).orElseThrow();
        Repin.adopt(pins, live);
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            RuleUpdate.updateProgram(
                    pins, live, maps, attachment.standing().rules().orElseThrow(), new Result());
        }
    }

    private void takeBaseline() {
        CsumbpfMaps maps = attachment.maps();
        if (isNew) {
            DropBaseline counted =
                    AfterTcDrops.ofHost(NetStatistics.read(), desired.rules().port());
            maps.record()
                    .update(r -> r.withHook(attachment.live().kind())
                            .withBaseline(counted)
                            .finishedAt(MonotonicClock.nanos()));
        } else if (!result.changes().isEmpty()) {
            // Counters were removed with their rules. What the host counted until now must not count against the other
            // rules.
            AttachmentReader.baseline(netns, attachment.pins(), device)
                    .ifPresent(counted -> maps.record().update(r -> r.withBaseline(counted)));
        }
    }
}
