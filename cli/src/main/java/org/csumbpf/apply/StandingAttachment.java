// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Pinned;
import org.csumbpf.pin.Reach;
import org.csumbpf.plan.Standing;

/**
 * What stands of an attachment on a device, with its maps open: at first what a command finds, later what its steps
 * made of it. The caller holds the lock and has entered the device's namespace.
 */
final class StandingAttachment implements AutoCloseable {
    private final PinDirectory pins;
    private final Standing standing;
    private CsumbpfMaps maps;
    private CsumbpfObject object;
    private BpfProgram program;
    /** The pins of an attachment that lost its hook, held open so that they can be put back. */
    private Optional<Pins> earlier = Optional.empty();

    private LiveHook live;
    private boolean backstop;

    private StandingAttachment(PinDirectory pins, Standing standing, CsumbpfMaps maps, LiveHook live) {
        this.pins = pins;
        this.standing = standing;
        this.maps = maps;
        this.live = live;
    }

    /**
     * Finds what stands of the attachment. Before that, makes the pins those of the running program. What pins without
     * a hook changed on the host is taken over or, if they are of another device, undone.
     *
     * @param desired what is asked for: pins without a hook are of use only if they are exactly that
     */
    static StandingAttachment find(
            PinDirectory pins, NetDevice device, DesiredAttachment desired, PinTree.Scope scope, Result result) {
        return running(pins, device).orElseGet(() -> {
            Optional<Pins> held = Pins.open(pins);
            try {
                return held.filter(found -> found.areAskedFor(pins, desired))
                        .map(found -> pinned(pins, found))
                        .orElseGet(() -> withoutProgram(pins, held, device, desired, scope, result));
            } catch (RuntimeException e) {
                held.ifPresent(Pins::close);
                throw e;
            }
        });
    }

    /** The attachment that the kernel runs. */
    static Optional<StandingAttachment> running(PinDirectory pins, NetDevice device) {
        return LiveHook.find(AttachPoint.receive(pins)).map(found -> {
            // A migration replaced the program.
            LiveHook live = Repin.repin(pins, found, device)
                    ? LiveHook.find(AttachPoint.receive(pins)).orElseThrow()
                    : found;
            return open(pins, Standing.State.ATTACHED, CsumbpfMaps.fromPins(pins.path()), live);
        });
    }

    /** Pins without a hook that are what is asked for. They stay, so that nothing is lost before a hook is attached. */
    private static StandingAttachment pinned(PinDirectory pins, Pins found) {
        found.program().close();
        return open(pins, Standing.State.PINNED, found.maps(), null);
    }

    private static StandingAttachment open(PinDirectory pins, Standing.State state, CsumbpfMaps maps, LiveHook live) {
        try {
            AttachmentRecord record = maps.record().get();
            Standing standing =
                    new Standing(state, Optional.of(RuleSet.read(maps)), record.options(), record.changes());
            return new StandingAttachment(pins, standing, maps, live);
        } catch (RuntimeException e) {
            maps.close();
            throw e;
        }
    }

    /** @param held what is pinned */
    private static StandingAttachment withoutProgram(
            PinDirectory pins,
            Optional<Pins> held,
            NetDevice device,
            DesiredAttachment desired,
            PinTree.Scope scope,
            Result result) {
        Set<HostChange> changes = EnumSet.noneOf(HostChange.class);
        Optional<AttachmentRecord> record = Reach.record(pins);
        boolean other = record.filter(r -> !Reach.provenDevice(pins, r, device)).isPresent();
        if (other) {
            changes.addAll(undo(pins, scope, result));
        } else if (record.isPresent()) {
            changes.addAll(record.get().changes());
        } else if (pins.exists()) {
            result.leave(pins.path().toString(), Undo.RECORD_LOST);
            changes.addAll(NftBackstop.standing(pins));
        } else if (desired.options().backstop() == Backstop.NEVER) {
            // Otherwise SetBackstop finds the rules of an attachment whose pins are gone.
            changes.addAll(NftBackstop.standing(pins));
        }
        boolean remains = !other && !changes.isEmpty();
        if (scope.toUnmount()) {
            changes.add(HostChange.BPFFS);
        }
        if (!remains) {
            held.ifPresent(Pins::close);
            return new StandingAttachment(pins, Standing.nothing(changes), null, null);
        }
        Standing standing = held.map(earlier -> new Standing(
                        Standing.State.REMAINS,
                        Optional.of(earlier.rules()),
                        earlier.record().options(),
                        changes))
                .orElseGet(() -> Standing.remains(changes));
        StandingAttachment found = new StandingAttachment(pins, standing, null, null);
        found.earlier = held;
        return found;
    }

    /** What is pinned of an attachment, held open. */
    private record Pins(CsumbpfMaps maps, BpfProgram program, AttachmentRecord record, RuleSet rules)
            implements AutoCloseable {
        /** Empty: a pin is missing, or of another version. */
        static Optional<Pins> open(PinDirectory pins) {
            if (Pinned.program(pins) == 0 || Pinned.maps(pins).contains(0)) {
                return Optional.empty();
            }
            try {
                CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path());
                try {
                    AttachmentRecord record = maps.record().get();
                    RuleSet rules = RuleSet.read(maps);
                    return Optional.of(
                            new Pins(maps, BpfProgram.fromPin(pins.pin(PinDirectory.PROGRAM)), record, rules));
                } catch (RuntimeException e) {
                    maps.close();
                    throw e;
                }
            } catch (OtherVersionException e) {
                return Optional.empty();
            }
        }

        /** Whether attaching the program makes them just what is asked for. */
        boolean areAskedFor(PinDirectory pins, DesiredAttachment desired) {
            return record.options().equals(desired.options())
                    && rules.withBackstop(false).equals(desired.rules().withBackstop(false))
                    && record.finished()
                    && maps.record().isCurrent()
                    && program.info().mapIds().containsAll(Pinned.maps(pins));
        }

        @Override
        public void close() {
            program.close();
            maps.close();
        }
    }

    /** Pins again what was pinned when the attachment was found. */
    void repinEarlier() {
        earlier.ifPresent(held -> {
            for (String name : CsumbpfMaps.PINNED) {
                pins.replace(name, held.maps().raw(name)::pin);
            }
            pins.replace(PinDirectory.PROGRAM, held.program()::pin);
        });
    }

    /** Undoes the attachment of another device that had this ifindex. Returns what cannot be undone. */
    private static Set<HostChange> undo(PinDirectory pins, PinTree.Scope scope, Result result) {
        Result removed = new Result();
        try (Reach reach = Reach.of(pins)) {
            Undo.run(pins, reach, scope, removed);
            return Set.of();
        } catch (PartialFailureException e) {
            result.leave(
                    pins.path().toString(),
                    "cleanup of an earlier attachment failed: " + e.problem()); // the new one undoes it
            return Reach.record(pins).map(AttachmentRecord::changes).orElse(Set.of());
        } finally {
            removed.warnings().forEach(result::warn);
        }
    }

    PinDirectory pins() {
        return pins;
    }

    /** As it was found. */
    Standing standing() {
        return standing;
    }

    /** Loads the program and makes its maps, if there are none. */
    CsumbpfMaps load() {
        object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM);
        maps = object.load();
        program = object.program();
        return maps;
    }

    CsumbpfMaps maps() {
        return maps;
    }

    /** The program that {@link #load} loaded. */
    BpfProgram program() {
        return program;
    }

    /** The hook of the running program; null if there is none. */
    LiveHook live() {
        return live;
    }

    void attached(LiveHook hook) {
        live = hook;
    }

    /** Whether nftables has rules for the attachment, after the steps so far. */
    boolean hasBackstop() {
        return backstop;
    }

    void backstop(boolean on) {
        backstop = on;
    }

    @Override
    public void close() {
        earlier.ifPresent(Pins::close);
        if (program != null) {
            program.close();
        }
        if (maps != null) {
            maps.close();
        }
        if (object != null) {
            object.close();
        }
    }
}
