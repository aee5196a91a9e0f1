// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.csumbpf.loader.ClsactFilter;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Ethtool;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.ModuleException;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.HookPlace;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.plan.ModulePlan;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.OffloadSafety;
import org.csumbpf.snapshot.Preflight;

/**
 * What the repair needs of the host beside the hook, made and undone. Every change is written into the attachment's
 * record before it is made and crossed out after it is undone, so that a crash between the two loses none.
 */
final class HostSetup {
    /** Changes that all attachments of the host share: the last one to go undoes them. */
    private static final List<HostChange> SHARED = List.of(HostChange.ESP4_OFFLOAD, HostChange.ESP6_OFFLOAD);

    private final PinDirectory pins;
    private final RecordMap record;
    private final Result result;

    HostSetup(PinDirectory pins, RecordMap record, Result result) {
        this.pins = pins;
        this.record = record;
        this.result = result;
    }

    void enableGro(NetDevice device) {
        if (Preflight.gro(device.name())) {
            return;
        }
        note(HostChange.GRO);
        Ethtool.setGro(device.name(), true);
        if (!Preflight.gro(device.name())) {
            cross(HostChange.GRO);
            throw new AttachException(
                    AttachException.Kind.UNSUPPORTED_HOST,
                    "switch on GRO of " + device.name() + ": the driver does not do it",
                    "attach to a device with GRO, or use --force");
        }
        result.add(Change.Id.GRO_ON);
    }

    PinDirectory pins() {
        return pins;
    }

    /**
     * Loads what makes the kernel decrypt before tc, where that harms nobody, and takes it away where it has come to harm somebody.
     *
     * @param force go on without
     * @param backstop there is another path, so that nothing is lost without
     */
    void loadModules(boolean force, boolean backstop) {
        ModulePlan.Module esp4 = module(HostChange.ESP4_OFFLOAD);
        ModulePlan.Module esp6 = module(HostChange.ESP6_OFFLOAD);
        boolean ours = esp4.noted() || esp6.noted();
        Optional<String> harm =
                ours || esp4.state() == KernelModule.State.LOADABLE ? OffloadSafety.harmAnywhere() : Optional.empty();
        if (!ours) {
            OffloadSafety.harmBy(esp4.name(), Optional.empty())
                    .ifPresent(finding -> result.warnings().add(finding.text()));
        }
        ModulePlan plan = ModulePlan.of(esp4, esp6, OffloadSafety.hasIpv6Esp(), harm);
        List<Finding> obstacles = new ArrayList<>(plan.findings());
        for (ModulePlan.Step step : plan.steps()) {
            HostChange change = step.module().equals(esp4.name()) ? HostChange.ESP4_OFFLOAD : HostChange.ESP6_OFFLOAD;
            switch (step.action()) {
                case LOAD -> load(step.module(), change).ifPresent(obstacles::add);
                case FORGET -> forget(change);
                case UNLOAD -> {
                    if (!withdraw(step.module(), change)) {
                        obstacles.removeIf(finding -> finding.subject().equals(step.module())); // it stays loaded
                    }
                }
            }
        }
        if (backstop) {
            // Of the module alone nothing is lost; that it would do harm is worth knowing.
            obstacles.stream()
                    .filter(finding -> finding.id() == Finding.Id.MODULE_UNSAFE)
                    .filter(finding -> finding.subject().equals(esp4.name()))
                    .forEach(finding -> result.warnings().add(finding.evidence()));
            return;
        }
        for (Finding obstacle : obstacles) {
            if (obstacle.subject().equals(esp6.name())) {
                result.warnings().add("IPv6 outer headers will not be repaired: " + obstacle.text());
            } else if (force) {
                result.warnings().add(obstacle.text());
            } else {
                AttachmentRecord about = record.get();
                throw Preflight.refusal(
                        about.ifname(), List.of(obstacle), about.options().backstop(), result.warnings());
            }
        }
    }

    private ModulePlan.Module module(HostChange change) {
        String name = change == HostChange.ESP4_OFFLOAD ? Preflight.ESP4_OFFLOAD : Preflight.ESP6_OFFLOAD;
        return new ModulePlan.Module(name, KernelModule.state(name), has(change));
    }

    /** Unloads what attach loaded. False: it is in use, stays noted, and another command tries again. */
    private boolean withdraw(String module, HostChange change) {
        try {
            if (KernelModule.unload(module)) {
                result.add(Change.Id.MODULE_UNLOADED, module);
            }
            cross(change);
            return true;
        } catch (KernelException e) {
            result.warnings().add("left module " + module + " loaded: " + e.getMessage());
            return false;
        }
    }

    /** Why it is not there all the same. */
    private Optional<Finding> load(String module, HostChange change) {
        note(change);
        try {
            if (KernelModule.load(module)) {
                result.add(Change.Id.MODULE_LOADED, module);
            } else {
                cross(change); // somebody was faster: theirs
            }
            return Optional.empty();
        } catch (ModuleException e) {
            cross(change);
            return Optional.of(Preflight.missing(module, e.getMessage()));
        }
    }

    /** Takes the program off the loopback device, if it hangs there. */
    void undoDetour() {
        undoDetour(true);
    }

    /** @param proven whether the namespace is known to be the attachment's own; else the program on lo has to prove it */
    private void undoDetour(boolean proven) {
        Optional<LiveHook> hanging = LiveHook.find(HookPlace.detour(pins));
        hanging.ifPresent(live -> {
            live.detach();
            result.add(Change.Id.DETOUR_DETACHED, CsumbpfObject.DETOUR);
        });
        if (has(HostChange.DETOUR)) {
            cross(HostChange.DETOUR);
        }
        if (has(HostChange.LO_CLSACT)) {
            boolean needed = handOver(
                    HostChange.LO_CLSACT,
                    other -> other.netns() == pins.netns()
                            && LiveHook.find(HookPlace.detour(other)).isPresent());
            if (!needed && (proven || hanging.isPresent())) {
                Rtnetlink.device(HookPlace.detour(pins).ifindex()).ifPresent(this::removeClsact);
            }
            cross(HostChange.LO_CLSACT);
        }
    }

    /** Takes the nftables rules away, and what serves them. */
    void undoBackstop() {
        undoBackstop(true);
    }

    void undoBackstop(boolean proven) {
        if (has(HostChange.NFTABLES)) {
            NftBackstop.remove(pins.ifindex(), result);
            cross(HostChange.NFTABLES);
        }
        undoDetour(proven);
    }

    /** Removes the device's qdisc, if attach made it and nobody else uses it. */
    void undoClsact(NetDevice device) {
        if (has(HostChange.CLSACT)) {
            removeClsact(device);
            cross(HostChange.CLSACT);
        }
    }

    /** Switches the device's GRO feature off, if attach switched it on. */
    void undoGro(NetDevice device) {
        if (has(HostChange.GRO)) {
            if (Preflight.gro(device.name())) {
                Ethtool.setGro(device.name(), false);
                result.add(Change.Id.GRO_OFF);
            }
            cross(HostChange.GRO);
        }
    }

    /** Crosses out what needs no undoing: it went with its device. */
    void forget(HostChange change) {
        if (has(change)) {
            cross(change);
        }
    }

    private void removeClsact(NetDevice device) {
        int ifindex = device.ifindex();
        if (Rtnetlink.ingressQdiscs(ifindex).isEmpty()) {
            return;
        }
        if (Rtnetlink.filters(ifindex, false).isEmpty()
                && Rtnetlink.filters(ifindex, true).isEmpty()) {
            ClsactFilter.destroyQdisc(ifindex);
            result.add(Change.Id.QDISC_REMOVED, device.name());
        } else {
            result.warnings().add("left the clsact qdisc on " + device.name() + ": other filters use it now");
        }
    }

    /** Undoes what is noted for the whole host, or hands it to another attachment, which still needs it. */
    void undoOnHost() {
        for (HostChange change : SHARED) {
            if (!has(change)) {
                continue;
            }
            if (!handOver(change)) {
                unload(change == HostChange.ESP4_OFFLOAD ? Preflight.ESP4_OFFLOAD : Preflight.ESP6_OFFLOAD);
            }
            cross(change);
        }
    }

    /** Gives a noted change to another attachment; false where there is none. */
    boolean handOver(HostChange change) {
        return handOver(change, other -> true);
    }

    private boolean handOver(HostChange change, Predicate<PinDirectory> suitable) {
        return PinTree.other(pins, other -> {
                    if (!suitable.test(other)) {
                        return false;
                    }
                    try (RecordMap theirs = RecordMap.fromPin(other.path())) {
                        theirs.update(r -> r.with(change));
                        return true;
                    } catch (KernelException | OtherVersionException e) {
                        return false; // half made, or not ours to write: the next command mends or removes it
                    }
                })
                .isPresent();
    }

    /** Only what is loaded: a kill may have come between the note and the module. */
    private void unload(String module) {
        if (KernelModule.state(module) != KernelModule.State.LOADED) {
            return;
        }
        try {
            if (KernelModule.unload(module)) {
                result.add(Change.Id.MODULE_UNLOADED, module);
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.EAGAIN && e.errno() != Errno.EBUSY) {
                throw e;
            }
            result.warnings().add("left module " + module + " loaded: it is in use");
        }
    }

    boolean has(HostChange change) {
        return record.get().changes().contains(change);
    }

    void note(HostChange change) {
        record.update(r -> r.with(change));
    }

    void cross(HostChange change) {
        record.update(r -> r.without(change));
    }
}
