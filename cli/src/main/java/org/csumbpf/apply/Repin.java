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
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.Identities;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.Pinned;
import org.csumbpf.snapshot.AfterTcDrops;

/** Makes pins and record match the program that the kernel runs, which is the truth. */
final class Repin {
    private Repin() {}

    /**
     * Pins what the running program holds. Needed after a swap of programs, and if a crash or an rm removed pins. A
     * running program holds all its maps, also the record, so none of them can be lost.
     *
     * @return whether another program is attached now, because an attachment of an earlier version was migrated
     */
    static boolean repin(PinDirectory pins, LiveHook live, NetDevice device) {
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
                        record.finished() ? record.baseline() : AfterTcDrops.ofHost(NetStatistics.read(), port(pins))));
            }
            // Parts are missing if attach could not read them or an earlier version attached.
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

    /** The port of the rules, in host order; if they cannot be read, the port of VXLAN (RFC 7348). */
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

    /**
     * Gives an attachment of an earlier version a record of this one. That needs a new program, which holds the new
     * record.
     */
    private static void migrate(PinDirectory pins, LiveHook live, NetDevice device) {
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM);
                CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path());
                CsumbpfMaps next = object.loadWithNewRecord(maps);
                BpfProgram program = object.program()) {
            next.record().update(r -> r.at(pins.ifindex(), device.name(), Identities.of(device)));
            live.replace(program);
            take(pins, program, next);
        }
        // csumbpf_detour reads the record too, and the attached one knows the earlier layout.
        LiveHook.find(AttachPoint.loopback(pins)).ifPresent(loopback -> {
            try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.LOOPBACK);
                    CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path());
                    CsumbpfMaps same = object.load(maps);
                    BpfProgram program = object.loopback()) {
                loopback.replace(program);
            }
        });
    }

    /** After a swap: pins the new program and its maps, which the caller has open. */
    static void take(PinDirectory pins, BpfProgram program, CsumbpfMaps maps) {
        pins.replace(PinDirectory.PROGRAM, program::pin);
        for (String name : CsumbpfMaps.PINNED) {
            RawMap map = maps.raw(name);
            if (Pinned.map(pins, name) != map.info().id()) {
                pins.replace(name, map::pin);
            }
        }
    }

    /** Sets the pins to what the program holds. The record stays as it is. */
    static void adopt(PinDirectory pins, LiveHook live) {
        pins.create();
        pins.removeReplacements();
        try (BpfProgram program = live.program()) {
            if (Pinned.program(pins) != live.programId()) {
                pins.replace(PinDirectory.PROGRAM, program::pin);
            }
            if (program.info().mapIds().containsAll(Pinned.maps(pins))) {
                return; // opening maps by their numbers needs CAP_SYS_ADMIN, so do it only if one is missing
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
     * Moves the pins of a device that was moved to the namespace that the caller has entered. After a kill in between,
     * the record names the old location; then the device's number proves whose pins they are.
     */
    static void move(PinDirectory from, PinDirectory to, NetDevice device) {
        from.moveTo(to);
        try (RecordMap map = RecordMap.fromPin(to.path())) {
            map.update(r -> r.at(to.ifindex(), device.name(), Identities.of(device)));
        }
    }
}
