// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.List;
import java.util.Map;
import org.csumbpf.desired.RuleChanges;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;

/** Changes the current rules to those that are asked for: all of them, or none. */
final class RuleUpdate {
    private RuleUpdate() {}

    /** Refuses rules that do not fit beside the current ones, before anything is changed. */
    static void requireRoom(CsumbpfMaps maps, RuleSet wanted) {
        if (!maps.hasRoomFor(wanted.byVni().keySet())) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED,
                    "change rules failed: " + wanted.byVni().size()
                            + " new rules do not fit beside the current ones, which stay until"
                            + " the new ones are in force (" + Errno.describe(Errno.E2BIG) + "; room for "
                            + CsumbpfMaps.RULES_MAX + ")",
                    "remove rules first ('csumbpf vni remove'), or use --vni any");
        }
    }

    static void write(CsumbpfMaps maps, RuleSet rules) {
        rules.byVni().forEach(maps::putRule);
        maps.config(rules.config());
    }

    /**
     * A single map element is written in place. Several would pass through states that nobody asked for, so they go
     * into new maps with a new program, and the hook swaps programs in one step. Counters and peers stay.
     */
    static void updateProgram(PinDirectory pins, LiveHook live, CsumbpfMaps maps, RuleSet wanted, Result result) {
        RuleSet current = RuleSet.read(maps);
        List<String> differences = RuleChanges.between(current, wanted);
        boolean inPlace = RuleChanges.elements(current, wanted) <= 1;
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.PROGRAM)) {
            try (CsumbpfMaps next = inPlace ? object.load(maps) : object.loadWithNewRules(maps);
                    BpfProgram program = object.program()) {
                boolean otherProgram = !program.info().tag().equals(live.tag());
                if (!inPlace || otherProgram) {
                    if (!inPlace) {
                        write(next, wanted);
                    }
                    live.replace(program);
                    Repin.take(pins, program, next);
                }
                if (inPlace && !current.equals(wanted)) {
                    writeOne(maps, current, wanted);
                }
                if (otherProgram) {
                    result.add(Change.Id.PROGRAM_REPLACED, program.info().tag());
                }
            }
            maps.removeCountersExcept(wanted.byVni().keySet(), wanted.any().isPresent());
        }
        differences.forEach(difference -> result.add(Change.Id.RULES_CHANGED, difference));
    }

    private static void writeOne(CsumbpfMaps maps, RuleSet current, RuleSet wanted) {
        if (!current.config().equals(wanted.config())) {
            maps.config(wanted.config());
            return;
        }
        for (Map.Entry<Vni, Rule> entry : wanted.byVni().entrySet()) {
            if (!entry.getValue().equals(current.byVni().get(entry.getKey()))) {
                maps.putRule(entry.getKey(), entry.getValue());
                return;
            }
        }
        for (Vni vni : current.byVni().keySet()) {
            if (!wanted.byVni().containsKey(vni)) {
                maps.removeRule(vni);
                return;
            }
        }
    }
}
