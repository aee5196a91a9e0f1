// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * The rules that the program finds without a hash: {@code struct csumbpf_rule_slots}. A rule's slot is also the index
 * of its counters.
 *
 * @param slots all of them, {@link #SLOTS}
 * @param more whether map {@code rules} holds others
 */
record RuleSlots(List<Slot> slots, boolean more) {
    /** {@code CSUMBPF_RULE_SLOTS}. */
    static final int SLOTS = 8;
    /** {@code CSUMBPF_SLOT_ANY}: the index of the counters of the rule for any VNI. */
    static final int ANY = SLOTS;

    /**
     * A slot.
     *
     * @param vni of the rule that is, or was, in the slot
     * @param rule empty: the slot is free
     */
    record Slot(Vni vni, Optional<Rule> rule) {
        static final Slot UNUSED = new Slot(new Vni(0), Optional.empty());
    }

    static final RuleSlots NONE = new RuleSlots(Collections.nCopies(SLOTS, Slot.UNUSED), false);

    RuleSlots {
        slots = List.copyOf(slots);
    }

    /** The slot of a VNI's rule; empty: no slot holds one. */
    OptionalInt of(Vni vni) {
        for (int i = 0; i < SLOTS; i++) {
            if (slots.get(i).rule().isPresent() && slots.get(i).vni().equals(vni)) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }

    /** The slots that hold a rule, by VNI. */
    Map<Vni, Integer> byVni() {
        Map<Vni, Integer> byVni = new TreeMap<>();
        for (int i = 0; i < SLOTS; i++) {
            if (slots.get(i).rule().isPresent()) {
                byVni.put(slots.get(i).vni(), i);
            }
        }
        return byVni;
    }

    RuleSlots with(int slot, Vni vni, Optional<Rule> rule) {
        List<Slot> changed = new ArrayList<>(slots);
        changed.set(slot, new Slot(vni, rule));
        return new RuleSlots(changed, more);
    }

    RuleSlots withMore(boolean value) {
        return new RuleSlots(slots, value);
    }
}
