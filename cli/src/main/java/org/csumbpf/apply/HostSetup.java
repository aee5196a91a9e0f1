// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

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
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.NamespaceSnapshot;
import org.csumbpf.snapshot.Preflight;

/**
 * Makes and undoes what the repair needs of the host besides the hook. Each change is recorded before it is made and
 * cleared after it is undone, so that a crash in between loses none.
 */
final class HostSetup {
    /** Changes that all attachments of the host share: the last attachment undoes them. */
    private static final List<HostChange> SHARED = List.of(HostChange.ESP4_OFFLOAD, HostChange.ESP6_OFFLOAD);

    private final PinDirectory pins;
    private final RecordMap record;
    private final Result result;

    HostSetup(PinDirectory pins, RecordMap record, Result result) {
        this.pins = pins;
        this.record = record;
        this.result = result;
    }

    PinDirectory pins() {
        return pins;
    }

    void switchGroOn(NetDevice device) {
        recordChange(HostChange.GRO);
        Ethtool.setGro(device.name(), true);
        if (!NamespaceSnapshot.gro(device.name())) {
            clearChange(HostChange.GRO);
            throw new AttachException(
                    AttachException.Kind.UNSUPPORTED_HOST,
                    "switch on GRO of " + device.name() + " failed: the driver keeps GRO off",
                    "attach without --enable-gro");
        }
        result.add(Change.Id.GRO_ON);
    }

    private static HostChange change(String module) {
        return module.equals(Preflight.ESP4_OFFLOAD) ? HostChange.ESP4_OFFLOAD : HostChange.ESP6_OFFLOAD;
    }

    /** Loads a module. Returns why it is missing all the same. */
    Optional<Finding> loadModule(String module) {
        recordChange(change(module));
        try {
            if (KernelModule.load(module)) {
                result.add(Change.Id.MODULE_LOADED, module);
            } else {
                clearChange(change(module)); // somebody else loaded it first, so it is theirs
            }
            return Optional.empty();
        } catch (ModuleException e) {
            clearChange(change(module));
            return Optional.of(Preflight.missing(module, e.getMessage()));
        }
    }

    /** Unloads a module that attach loaded. False: it is in use and stays recorded, so that a later command tries again. */
    boolean unloadModule(String module) {
        if (!has(change(module))) {
            return true;
        }
        try {
            if (KernelModule.unload(module)) {
                result.add(Change.Id.MODULE_UNLOADED, module);
            }
            clearChange(change(module));
            return true;
        } catch (KernelException e) {
            result.leave(module, "module " + module + " stays loaded: " + e.getMessage());
            return false;
        }
    }

    void forgetModule(String module) {
        forget(change(module));
    }

    /** Detaches the program from the loopback device, if it is attached. */
    void undoLoopback() {
        undoLoopback(true);
    }

    /**
     * @param proven whether the namespace is known to be the attachment's own; else only its program on lo proves that
     */
    private void undoLoopback(boolean proven) {
        Optional<LiveHook> attached = LiveHook.find(AttachPoint.loopback(pins));
        attached.ifPresent(live -> {
            live.detach();
            result.add(Change.Id.DETOUR_DETACHED, CsumbpfObject.LOOPBACK);
        });
        if (has(HostChange.LOOPBACK)) {
            clearChange(HostChange.LOOPBACK);
        }
        if (has(HostChange.LO_CLSACT)) {
            boolean needed = handOver(
                    HostChange.LO_CLSACT,
                    other -> other.netns() == pins.netns()
                            && LiveHook.find(AttachPoint.loopback(other)).isPresent());
            if (!needed && (proven || attached.isPresent())) {
                Rtnetlink.device(AttachPoint.loopback(pins).ifindex()).ifPresent(this::removeClsact);
            }
            clearChange(HostChange.LO_CLSACT);
        }
    }

    /** Removes the nftables rules and what serves them. */
    void undoBackstop() {
        undoBackstop(true);
    }

    void undoBackstop(boolean proven) {
        if (has(HostChange.NFTABLES)) {
            NftBackstop.remove(pins.ifindex(), result);
            clearChange(HostChange.NFTABLES);
        }
        undoLoopback(proven);
    }

    /** Removes the device's clsact qdisc, if attach made it and nobody else uses it. */
    void undoClsact(NetDevice device) {
        if (has(HostChange.CLSACT)) {
            removeClsact(device);
            clearChange(HostChange.CLSACT);
        }
    }

    /** Switches the device's GRO feature off, if attach switched it on. */
    void undoGro(NetDevice device) {
        if (has(HostChange.GRO)) {
            if (NamespaceSnapshot.gro(device.name())) {
                Ethtool.setGro(device.name(), false);
                result.add(Change.Id.GRO_OFF);
            }
            clearChange(HostChange.GRO);
        }
    }

    /** Clears a change that needs no undoing, because it ended with its device. */
    void forget(HostChange change) {
        if (has(change)) {
            clearChange(change);
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
            result.leave(device.name(), "the clsact qdisc of " + device.name() + " stays: other filters use it");
        }
    }

    /** Undoes the recorded changes of the whole host, or hands them over to an attachment that still needs them. */
    void undoOnHost() {
        for (HostChange change : SHARED) {
            if (!has(change)) {
                continue;
            }
            if (!handOver(change)) {
                unload(change == HostChange.ESP4_OFFLOAD ? Preflight.ESP4_OFFLOAD : Preflight.ESP6_OFFLOAD);
            }
            clearChange(change);
        }
    }

    /** Hands a recorded change over to another attachment; false if there is none. */
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
                        return false; // half made, or of another version: the next command repairs or removes it
                    }
                })
                .isPresent();
    }

    /** Unloads a module if it is loaded: a command may have been killed between record and load. */
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
            result.leave(
                    module,
                    "module " + module + " is in use and stays loaded; 'modprobe -r " + module + "' unloads it later");
        }
    }

    boolean has(HostChange change) {
        return record.get().changes().contains(change);
    }

    void recordChange(HostChange change) {
        record.update(r -> r.with(change));
    }

    void clearChange(HostChange change) {
        record.update(r -> r.without(change));
    }
}
