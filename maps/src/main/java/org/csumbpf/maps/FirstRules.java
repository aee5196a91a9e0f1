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
 * The rules that the program finds without a hash, each in its place, by which its counters are found: {@code struct
 * csumbpf_first_rules}.
 *
 * @param places always {@link #PLACES}
 * @param more whether map {@code rules} holds others
 */
record FirstRules(List<Place> places, boolean more) {
    /** {@code CSUMBPF_FIRST_RULES}. */
    static final int PLACES = 8;
    /** {@code CSUMBPF_FIRST_ANY}: where the rule for any VNI counts. */
    static final int ANY = PLACES;

    /**
     * @param vni whose rule it is, or was
     * @param rule empty: none
     */
    record Place(Vni vni, Optional<Rule> rule) {
        static final Place UNUSED = new Place(new Vni(0), Optional.empty());
    }

    static final FirstRules NONE = new FirstRules(Collections.nCopies(PLACES, Place.UNUSED), false);

    FirstRules {
        places = List.copyOf(places);
    }

    /** Where a VNI's rule is; empty: it has none here. */
    OptionalInt of(Vni vni) {
        for (int i = 0; i < PLACES; i++) {
            if (places.get(i).rule().isPresent() && places.get(i).vni().equals(vni)) {
                return OptionalInt.of(i);
            }
        }
        return OptionalInt.empty();
    }

    /** VNIs that have a rule here, and its place. */
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
