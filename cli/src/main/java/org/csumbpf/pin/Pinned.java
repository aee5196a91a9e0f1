// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;
import org.csumbpf.maps.CsumbpfMaps;

/** What the pins of an attachment stand for. */
public final class Pinned {
    private Pinned() {}

    /**
     * The maps of the program that runs. Those are the pinned ones, unless a command ended between a swap of programs and its
     * pins.
     */
    public static CsumbpfMaps maps(PinDirectory pins, Optional<LiveHook> live) {
        if (live.isPresent() && !maps(pins).contains(0)) {
            try (BpfProgram program = live.get().program()) {
                if (!program.info().mapIds().containsAll(maps(pins))) {
                    return CsumbpfMaps.heldBy(program);
                }
            } catch (KernelException e) {
                if (e.errno() != Errno.EPERM) { // by their numbers only with CAP_SYS_ADMIN
                    throw e;
                }
            }
        }
        return CsumbpfMaps.fromPins(pins.path());
    }

    /** The number of the program that is pinned; 0: none is. */
    public static int program(PinDirectory pins) {
        if (!pins.has(PinDirectory.PROGRAM)) {
            return 0;
        }
        try (BpfProgram program = BpfProgram.fromPin(pins.pin(PinDirectory.PROGRAM))) {
            return program.info().id();
        }
    }

    /** The numbers of the maps that are; 0 stands for a pin that is missing. */
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
