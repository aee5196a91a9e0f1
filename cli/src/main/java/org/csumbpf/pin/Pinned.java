// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;
import org.csumbpf.maps.CsumbpfMaps;

/** Reads what the pins of an attachment refer to. */
public final class Pinned {
    private Pinned() {}

    /**
     * The maps of the running program. They are the pinned ones, unless a command ended between swapping programs and
     * pinning.
     */
    public static CsumbpfMaps maps(PinDirectory pins, Optional<LiveHook> live) {
        if (live.isPresent()) {
            try (BpfProgram program = live.get().program()) {
                List<Integer> pinned = maps(pins);
                if (!pinned.contains(0) && !program.info().mapIds().containsAll(pinned)) {
                    return CsumbpfMaps.heldBy(program);
                }
            } catch (KernelException e) {
                // A pin cannot be opened, which is reported below if it matters, or a map cannot be opened by its
                // number, which needs CAP_SYS_ADMIN.
            }
        }
        return CsumbpfMaps.fromPins(pins.path());
    }

    /** The number of the pinned program; 0: none is pinned. */
    public static int program(PinDirectory pins) {
        if (!pins.has(PinDirectory.PROGRAM)) {
            return 0;
        }
        try (BpfProgram program = BpfProgram.fromPin(pins.pin(PinDirectory.PROGRAM))) {
            return program.info().id();
        }
    }

    /** The numbers of the pinned maps; 0 for each missing pin. */
    public static List<Integer> maps(PinDirectory pins) {
        List<Integer> ids = new ArrayList<>();
        for (String name : CsumbpfMaps.PINNED) {
            ids.add(map(pins, name));
        }
        return ids;
    }

    public static int map(PinDirectory pins, String name) {
        if (!pins.has(name)) {
            return 0;
        }
        try (RawMap map = RawMap.fromPin(pins.pin(name))) {
            return map.info().id();
        }
    }
}
