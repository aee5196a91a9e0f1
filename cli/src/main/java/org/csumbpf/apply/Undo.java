// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.snapshot.Preflight;
import org.csumbpf.snapshot.Remedy;

/**
 * Undoes all that attach made, also if attach did not finish: only what the record names, and only on the device and in
 * the namespace where it was made. If a step fails, the others are tried all the same, and its change stays in the
 * record.
 */
final class Undo {
    /** What follows for an attachment whose record is lost. */
    static final String RECORD_LOST =
            "the record of what attach changed cannot be read: GRO of the interface and the modules "
                    + Preflight.ESP4_OFFLOAD + " and " + Preflight.ESP6_OFFLOAD + " stay as they are";

    private final PinDirectory pins;
    private final PinTree.Scope scope;
    private final Result result;
    private final List<RuntimeException> failures = new ArrayList<>();

    private Undo(PinDirectory pins, PinTree.Scope scope, Result result) {
        this.pins = pins;
        this.scope = scope;
        this.result = result;
    }

    /**
     * @param reach of the attachment
     * @throws PartialFailureException what could not be undone is still in the record
     */
    static Result run(PinDirectory pins, Reach reach, PinTree.Scope scope, Result result) {
        new Undo(pins, scope, result).run(reach);
        return result;
    }

    private void run(Reach reach) {
        Optional<NetDevice> device = reach.device();
        Optional<NetworkNamespace> where = reach.moved().or(reach::netns);
        device.ifPresent(d -> where.orElseThrow().call(() -> {
            adopt(d);
            return null;
        }));
        // Checked before the program is detached, because the program is part of the proof.
        boolean proven = device.isPresent()
                && reach.state() == Reach.State.HERE
                && where.orElseThrow()
                        .call(() -> Reach.record(pins)
                                .map(r -> Reach.provenDevice(pins, r, device.get()))
                                .orElse(false));
        if (device.isPresent()) {
            where.orElseThrow().call(() -> {
                detach(device.get());
                return null;
            });
        }
        try (RecordMap record = openRecord().orElse(null)) {
            if (record == null) {
                withoutRecord(reach);
            } else {
                HostSetup host = new HostSetup(pins, record, result);
                reach.netns()
                        .ifPresent(netns -> netns.call(() -> {
                            inNamespace(host, reach.provenNetns() || proven);
                            return null;
                        }));
                if (device.isPresent() && (proven || reach.moved().isPresent())) {
                    where.orElseThrow().call(() -> {
                        onDevice(host, device.get(), reach.moved().isPresent());
                        return null;
                    });
                } else {
                    forgetDevice(host, device);
                }
                step(host::undoOnHost);
                if (host.has(HostChange.BPFFS) && !host.handOver(HostChange.BPFFS)) {
                    scope.unmountWhenEmpty();
                }
            }
        }
        if (!failures.isEmpty()) {
            pins.removeAllBut(Set.of(RecordMap.NAME));
            throw PartialFailureException.ofSteps(failures, again(where, device));
        }
        pins.removeAll(RecordMap.NAME)
                .forEach(path -> result.leave(path.toString(), path + " stays: csumbpf did not make it"));
        if (result.changes().isEmpty()) {
            result.add(Change.Id.REMAINS_REMOVED);
        }
    }

    /** The command that continues: for all attachments if the device's name or its namespace is not known. */
    private static String again(Optional<NetworkNamespace> where, Optional<NetDevice> device) {
        return where.isPresent() && device.isPresent()
                ? Remedy.csumbpfLine(where.get(), "detach", device.get().name())
                : "csumbpf detach --all";
    }

    private void step(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            failures.add(e);
        }
    }

    /** Pins again what the program holds, also the record, if a pin was lost. */
    private void adopt(NetDevice device) {
        LiveHook.find(AttachPoint.receive(pins).on(device.ifindex())).ifPresent(live -> {
            try {
                Repin.adopt(pins, live);
            } catch (OtherVersionException e) {
                // Its record is treated as lost.
            }
        });
    }

    /** Detaches the program, wherever its device is now. If that fails, nothing else is touched. */
    private void detach(NetDevice device) {
        LiveHook.find(AttachPoint.receive(pins).on(device.ifindex())).ifPresent(live -> {
            live.detach();
            result.add(Change.Id.DETACHED);
        });
    }

    /**
     * Undoes what belongs to the namespace and not to the device. nftables rules and filters themselves name their
     * owner.
     */
    private void inNamespace(HostSetup host, boolean proven) {
        step(() -> host.undoBackstop(proven));
    }

    private void onDevice(HostSetup host, NetDevice device, boolean moved) {
        if (moved) {
            host.forget(HostChange.CLSACT); // the kernel removed it when the device moved
        }
        step(() -> host.undoClsact(device));
        step(() -> host.undoGro(device));
    }

    /** Clears the changes of a device that is gone, or that another one has replaced. */
    private void forgetDevice(HostSetup host, Optional<NetDevice> other) {
        if (other.isPresent() && host.has(HostChange.GRO)) {
            String name = other.get().name();
            result.leave(
                    name,
                    "GRO of " + name + " stays as it is: this may not be the device on which attach switched GRO on");
        }
        host.forget(HostChange.CLSACT);
        host.forget(HostChange.GRO);
    }

    private void withoutRecord(Reach reach) {
        reach.netns()
                .ifPresent(netns -> netns.call(() -> {
                    step(() -> NftBackstop.remove(pins.ifindex(), result));
                    step(() -> LiveHook.find(AttachPoint.loopback(pins)).ifPresent(LiveHook::detach));
                    return null;
                }));
        result.leave(pins.path().toString(), RECORD_LOST);
    }

    /** The record; empty if it is gone or of another version. */
    private Optional<RecordMap> openRecord() {
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
}
