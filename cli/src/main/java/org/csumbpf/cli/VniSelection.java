// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.Collection;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.text.VniRanges;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * The VNIs that a user named.
 *
 * @param any whether "any" was among them
 * @param vnis the others
 */
record VniSelection(boolean any, TreeSet<Vni> vnis) {
    static final String ANY = "any";

    static VniSelection parse(CommandSpec spec, Collection<String> lists) {
        TreeSet<Vni> vnis = new TreeSet<>();
        boolean any = false;
        for (String list : lists) {
            if (list.equals(ANY)) {
                any = true;
                continue;
            }
            try {
                vnis.addAll(VniRanges.parse(list));
            } catch (IllegalArgumentException e) {
                throw new ParameterException(spec.commandLine(), e.getMessage());
            }
        }
        if (vnis.size() > VniRanges.MAX) {
            throw new ParameterException(
                    spec.commandLine(), "more than " + VniRanges.MAX + " VNIs; use 'any', which covers every VNI");
        }
        return new VniSelection(any, vnis);
    }

    RuleSet rules(int port, Rule rule) {
        return with(new RuleSet(port, false, Optional.empty(), new TreeMap<>()), rule);
    }

    RuleSet with(RuleSet rules, Rule rule) {
        TreeMap<Vni, Rule> byVni = new TreeMap<>(rules.byVni());
        vnis.forEach(vni -> byVni.put(vni, rule));
        return rules.withRules(any ? Optional.of(rule) : rules.any(), byVni);
    }

    RuleSet without(RuleSet rules) {
        TreeMap<Vni, Rule> byVni = new TreeMap<>(rules.byVni());
        byVni.keySet().removeAll(vnis);
        return rules.withRules(any ? Optional.empty() : rules.any(), byVni);
    }
}
