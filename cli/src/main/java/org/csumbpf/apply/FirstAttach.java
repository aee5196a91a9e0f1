// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Evidence;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.pin.HookPlace;
import org.csumbpf.pin.Identities;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.snapshot.LinkType;
import org.csumbpf.snapshot.OffPath;

/**
 * Attaches where nothing is attached: all is made and pinned, and then the hook is created, which is the step that counts. Where one fails,
 * all are undone.
 */
final class FirstAttach {
    private FirstAttach() {}

    /** With the lock held, in the device's namespace, where no program of it hangs. */
    static void run(
            PinDirectory pins,
            NetDevice device,
            DesiredAttachment desired,
            NftBackstop backstop,
            PinTree.Scope scope,
            Result result) {
        Set<HostChange> kept = kept(pins, scope, result);
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM);
                CsumbpfMaps maps = object.load();
                BpfProgram program = object.program()) {
            Set<HostChange> changes = EnumSet.noneOf(HostChange.class);
            changes.addAll(kept);
            if (scope.toUnmount()) {
                changes.add(HostChange.BPFFS);
            }
            maps.record()
                    .set(AttachmentRecord.begun(
                            device.ifindex(), device.name(), Identities.of(device), changes, desired.options()));
            RuleUpdate.write(maps, desired.rules().withBackstop(backstop != null));
            pins.create();
            try {
                for (String name : CsumbpfMaps.PINNED) {
                    pins.replace(name, maps.raw(name)::pin);
                }
                program.pin(pins.pin(PinDirectory.PROGRAM));
                HostSetup host = new HostSetup(pins, maps.record(), result);
                prepare(host, device, desired, backstop != null);
                LiveHook live = LiveHook.attach(
                        HookPlace.receive(pins),
                        maps.record(),
                        program,
                        Optional.of(desired.options().hook()).filter(hook -> hook != Hook.NONE));
                if (backstop != null
                        && !backstop.apply(host, device, maps, desired.options().backstop(), desired.rules(), result)) {
                    maps.config(desired.rules().config());
                }
                Evidence counted =
                        OffPath.evidence(NetStatistics.read(), desired.rules().port());
                maps.record()
                        .update(r ->
                                r.withHook(live.kind()).withBaseline(counted).finishedAt(MonotonicClock.nanos()));
            } catch (RuntimeException e) {
                try (Reach reach = Reach.of(pins)) {
                    Undo.run(pins, reach, scope, new Result());
                } catch (RuntimeException second) {
                    e.addSuppressed(second);
                }
                throw e;
            }
            result.changes().add(0, Change.of(Change.Id.ATTACHED));
        }
    }

    /** Clears away what is there without a hook; what cannot be undone of it goes on in the next record. */
    private static Set<HostChange> kept(PinDirectory pins, PinTree.Scope scope, Result result) {
        if (!pins.exists()) {
            return Set.of();
        }
        Result cleared = new Result();
        try (Reach reach = Reach.of(pins)) {
            Undo.run(pins, reach, scope, cleared);
            return Set.of();
        } catch (PartialFailureException e) {
            result.warnings().add("of an earlier attachment: " + e.problem()); // this one undoes it
            return Reach.record(pins).map(AttachmentRecord::changes).orElse(Set.of());
        } finally {
            result.warnings().addAll(cleared.warnings());
        }
    }

    /** What the host has to have before the hook is there, or gets other rules. */
    static void prepare(HostSetup host, NetDevice device, DesiredAttachment desired, boolean backstop) {
        if (desired.options().enableGro()) {
            host.enableGro(device);
        }
        if (desired.rules().needsProof() && LinkType.decryptsBeforeTc(device)) {
            host.loadModules(desired.options().force(), backstop);
        }
    }
}
