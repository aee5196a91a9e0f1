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
 * The rules that the program finds without a hash: {@code struct csumbpf_first_rules}. A rule's slot is also the index
 * of its counters.
 *
 * @param places the slots, always {@link #PLACES}
 * @param more whether map {@code rules} holds others
 */
record FirstRules(List<Place> places, boolean more) {
    /** {@code CSUMBPF_FIRST_RULES}. */
    static final int PLACES = 8;
    /** {@code CSUMBPF_FIRST_ANY}: the index of the counters of the rule for any VNI. */
    static final int ANY = PLACES;

    /**
     * A slot.
     *
     * @param vni of the rule that is, or was, in the slot
     * @param rule empty: the slot is free
     */
    record Place(Vni vni, Optional<Rule> rule) {
        static final Place UNUSED = new Place(new Vni(0), Optional.empty());
    }

    static final FirstRules NONE = new FirstRules(Collections.nCopies(PLACES, Place.UNUSED), false);

    FirstRules {
        places = List.copyOf(places);
    }

    /** The slot of a VNI's rule; empty: no slot holds one. */
    OptionalInt of(Vni vni) {
        for (int i = 0; i < PLACES; i++) {
            if (places.get(i).rule().isPresent() && places.get(i).vni().equals(vni)) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }

    /** The slots that hold a rule, by VNI. */
    Map<Vni, Integer> byVni() {
        Map<Vni, Integer> byVni = new TreeMap<>();
        for (int i = 0; i < PLACES; i++) {
            if (places.get(i).rule().isPresent()) {
                byVni.put(places.get(i).vni(), i);
            }
        }
        return byVni;
    }

    FirstRules with(int place, Vni vni, Optional<Rule> rule) {
        List<Place> changed = new ArrayList<>(places);
        changed.set(place, new Place(vni, rule));
        return new FirstRules(changed, more);
    }

    FirstRules withMore(boolean value) {
        return new FirstRules(places, value);
    }
}
