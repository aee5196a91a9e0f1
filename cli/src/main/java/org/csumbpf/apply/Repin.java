// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.Map;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.DeviceIdentity;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.pin.HookPlace;
import org.csumbpf.pin.Identities;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.Pinned;
import org.csumbpf.snapshot.OffPath;

/** The program that the kernel runs is the truth: the pins and the record follow it. */
final class Repin {
    private Repin() {}

    /**
     * Makes the pins those of the program that the kernel runs: after a swap, and where a crash or somebody's rm came
     * between the two. The program holds all its maps, the record among them, so none of them can be lost while it runs.
     *
     * @return whether another program hangs there now: an attachment of an earlier version was migrated
     */
    static boolean follow(PinDirectory pins, LiveHook live, NetDevice device) {
        adopt(pins, live);
        try (RecordMap map = RecordMap.fromPin(pins.path())) {
            AttachmentRecord record = map.get();
            if (!record.finished() || record.hook() != live.kind()) {
                map.set(new AttachmentRecord(
                        pins.ifindex(),
                        device.name(),
                        record.identity(),
                        live.kind(),
                        record.changes(),
                        record.options(),
                        MonotonicClock.nanos(),
                        record.finished() ? record.baseline() : OffPath.evidence(NetStatistics.read(), port(pins))));
            }
            // Some are missing where attach could not read them, or an earlier version did it.
            DeviceIdentity known = map.get().identity().or(Identities.of(device));
            if (map.isCurrent() && !map.get().identity().equals(known)) {
                map.update(r -> r.at(pins.ifindex(), device.name(), known));
            }
        }
        if (isCurrent(pins)) {
            return false;
        }
        migrate(pins, live, device);
        return true;
    }

    /** Of the rules, in host order; that of VXLAN (RFC 7348) where they cannot be read. */
    private static int port(PinDirectory pins) {
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            return RuleSet.read(maps).port();
        } catch (OtherVersionException e) {
            return Config.DEFAULT_PORT;
        } catch (KernelException e) {
            return PinDirectory.<Integer>absent(e).orElse(Config.DEFAULT_PORT);
        }
    }

    private static boolean isCurrent(PinDirectory pins) {
        try (RecordMap map = RecordMap.fromPin(pins.path())) {
            return map.isCurrent();
        }
    }

    /** An attachment of an earlier version gets a record of this one, which takes a program that holds it. */
    private static void migrate(PinDirectory pins, LiveHook live, NetDevice device) {
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM);
                CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path());
                CsumbpfMaps next = object.loadWithNewRecord(maps);
                BpfProgram program = object.program()) {
            next.record().update(r -> r.at(pins.ifindex(), device.name(), Identities.of(device)));
            live.replace(program);
            take(pins, program, next);
        }
        // csumbpf_detour reads the record too, and the one that hangs there has the earlier layout of it.
        LiveHook.find(HookPlace.detour(pins)).ifPresent(detour -> {
            try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.DETOUR);
                    CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path());
                    CsumbpfMaps same = object.load(maps);
                    BpfProgram program = object.detour()) {
                detour.replace(program);
            }
        });
    }

    /** After a swap: a program and its maps, which the caller has at hand. */
    static void take(PinDirectory pins, BpfProgram program, CsumbpfMaps maps) {
        pins.replace(PinDirectory.PROGRAM, program::pin);
        for (String name : CsumbpfMaps.PINNED) {
            RawMap map = maps.raw(name);
            if (Pinned.map(pins, name) != map.info().id()) {
                pins.replace(name, map::pin);
            }
        }
    }

    /** The pins alone: what the program holds, whatever it is. */
    static void adopt(PinDirectory pins, LiveHook live) {
        pins.create();
        pins.removeReplacements();
        try (BpfProgram program = live.program()) {
            if (Pinned.program(pins) != live.programId()) {
                pins.replace(PinDirectory.PROGRAM, program::pin);
            }
            if (program.info().mapIds().containsAll(Pinned.maps(pins))) {
                return; // maps can be opened by their numbers with CAP_SYS_ADMIN alone, and need not be
            }
            Map<String, Integer> ids = CsumbpfMaps.idsHeldBy(program);
            for (String name : CsumbpfMaps.PINNED) {
                Integer id = ids.get(name);
                if (id != null && Pinned.map(pins, name) != id) {
                    try (RawMap map = RawMap.fromId(id).orElseThrow()) {
                        pins.replace(name, map::pin);
                    }
                }
            }
        }
    }

    /**
     * Takes the pins along with a device that was moved to the namespace that the caller has entered. A kill in between leaves a
     * record that names the old place beside pins at the new one: the device's number proves what it is.
     */
    static void move(PinDirectory from, PinDirectory to, NetDevice device) {
        from.moveTo(to);
        try (RecordMap map = RecordMap.fromPin(to.path())) {
            map.update(r -> r.at(to.ifindex(), device.name(), Identities.of(device)));
        }
    }
}
