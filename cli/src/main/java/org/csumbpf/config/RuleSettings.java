// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.maps.Vni;

/**
 * A rule for some VNIs, or for the network of a name. What it does not set, the default rule sets.
 *
 * @param subject as the user wrote it
 * @param vnis the VNIs; empty: the subject is a name of a Docker network
 * @param settings those of {@link Key#ofRule()} that are set
 * @param origin of the rule
 */
public record RuleSettings(String subject, Optional<Set<Vni>> vnis, Map<Key<?>, Setting<?>> settings, Origin origin) {
    public RuleSettings {
        settings = new LinkedHashMap<>(settings);
    }

    /** As keys are named: {@code rules.vnis.4097}. */
    public String name() {
        return (vnis.isPresent() ? Key.VNIS : Key.NETWORKS) + "." + subject;
    }
}
