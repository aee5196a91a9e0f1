// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.desired;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.LinkHeader;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;

/**
 * All that decides what happens to packets on one attachment.
 *
 * @param port the VXLAN port
 * @param backstop whether nftables rules are there too
 * @param link what a packet begins with on the device
 * @param any the rule for VNIs without one of their own
 * @param byVni rules of single VNIs
 */
public record RuleSet(int port, boolean backstop, LinkHeader link, Optional<Rule> any, Map<Vni, Rule> byVni) {
    public RuleSet {
        byVni = new TreeMap<>(byVni);
    }

    /** For a device whose packets begin with an Ethernet header, unless {@link #withLink} changes that. */
    public RuleSet(int port, boolean backstop, Optional<Rule> any, Map<Vni, Rule> byVni) {
        this(port, backstop, LinkHeader.ETHERNET, any, byVni);
    }

    public static RuleSet read(CsumbpfMaps maps) {
        Optional<Config> config = maps.config();
        return new RuleSet(
                config.map(Config::port).orElse(Config.DEFAULT_PORT),
                config.map(Config::backstop).orElse(false),
                config.map(Config::link).orElse(LinkHeader.ETHERNET),
                config.flatMap(Config::any),
                maps.rules());
    }

    public Config config() {
        return new Config(port, backstop, link, any);
    }

    public RuleSet withBackstop(boolean value) {
        return new RuleSet(port, value, link, any, byVni);
    }

    public RuleSet withLink(LinkHeader value) {
        return new RuleSet(port, backstop, value, any, byVni);
    }

    /** The same with other rules. */
    public RuleSet withRules(Optional<Rule> newAny, Map<Vni, Rule> newByVni) {
        return new RuleSet(port, backstop, link, newAny, newByVni);
    }

    Stream<Rule> rules() {
        return Stream.concat(any.stream(), byVni.values().stream());
    }

    /** Whether a rule drops what IPsec did not decrypt. */
    public boolean dropsPlaintext() {
        return rules().anyMatch(rule -> rule.dropPlaintext() && !rule.unverified());
    }

    /** Whether a rule repairs only what IPsec decrypted. Then decrypted packets must reach tc or the backstop. */
    public boolean needsProof() {
        return rules().anyMatch(rule -> !rule.unverified());
    }
}
