// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;

/** Rules to set: the port, the rule for any VNI, and rules of single VNIs. */
record Rules(int port, Optional<Rule> any, Map<Vni, Rule> byVni) {
    /** Parses {@code 4109 auto unverified; any zero drop; 4110 adjust verify=1}. */
    static Rules parse(String text, int port) {
        Optional<Rule> any = Optional.empty();
        Map<Vni, Rule> byVni = new HashMap<>();
        for (String part : text.split("; ")) {
            String[] words = part.split(" ");
            boolean drop = false;
            boolean unverified = false;
            int verify = 0;
            for (int i = 2; i < words.length; i++) {
                drop |= words[i].equals("drop");
                unverified |= words[i].equals("unverified");
                if (words[i].startsWith("verify=")) {
                    verify = Integer.parseInt(words[i].substring("verify=".length()));
                }
            }
            Mode mode = Mode.valueOf(words[1].toUpperCase(Locale.ROOT));
            Rule rule = verify == 0 ? new Rule(mode, drop, unverified) : new Rule(mode, drop, unverified, verify);
            if (words[0].equals("any")) {
                any = Optional.of(rule);
            } else {
                byVni.put(new Vni(Integer.parseInt(words[0])), rule);
            }
        }
        return new Rules(port, any, byVni);
    }
}
