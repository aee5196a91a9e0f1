// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.InterfacePattern;
import org.csumbpf.config.Key;
import org.csumbpf.config.RuleSettings;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;

/**
 * What the agent asks for on each device: what was found, as the configuration wants it. Pure.
 *
 * @param found with the uplinks that the configuration allows
 * @param excluded ifindexes of the devices that the configuration excludes. A device that it does not include is like
 *     one that needs no repair: its address may only be away for a moment
 * @param refused names of the devices that need repair and are excluded or not included
 */
record Wishes(AgentConfig config, Discovery found, Set<Integer> excluded, List<String> refused) {
    /** Networks with a rule for counting only, at most: each is an entry of a map and of nftables' sets. */
    private static final int MOST_NETWORKS = 1000;

    /**
     * @param links all devices of the network namespace
     * @param addresses of these devices
     */
    static Wishes of(AgentConfig config, Discovery found, List<NetDevice> links, List<DeviceAddress> addresses) {
        Set<Integer> included = new HashSet<>();
        Set<Integer> excluded = new HashSet<>();
        for (NetDevice link : links) {
            List<InetAddress> own = addresses.stream()
                    .filter(address -> address.ifindex() == link.ifindex())
                    .map(DeviceAddress::address)
                    .toList();
            if (matches(config.get(Key.EXCLUDE), link, own)) {
                excluded.add(link.ifindex());
            } else if (matches(config.get(Key.INCLUDE), link, own)) {
                included.add(link.ifindex());
            }
        }
        Map<Boolean, List<Discovery.Uplink>> uplinks = found.uplinks().stream()
                .collect(Collectors.partitioningBy(
                        uplink -> included.contains(uplink.device().ifindex())));
        return new Wishes(
                config,
                new Discovery(uplinks.get(true), found.ports(), found.overlays(), found.peers()),
                Set.copyOf(excluded),
                uplinks.get(false).stream()
                        .map(uplink -> uplink.device().name())
                        .toList());
    }

    private static boolean matches(List<InterfacePattern> patterns, NetDevice link, List<InetAddress> addresses) {
        return patterns.stream().anyMatch(pattern -> pattern.matches(link, addresses));
    }

    /** How attachments are treated besides. */
    Reconciler.Policy policy() {
        return new Reconciler.Policy(config.get(Key.KEEP).toNanos(), config.get(Key.MANAGE_EXISTING), excluded);
    }

    /** UDP ports of VXLAN, in host order; at least one. An attachment repairs one, the first. */
    static Set<Integer> ports(AgentConfig config, Discovery found) {
        Optional<Integer> configured = config.get(Key.PORT);
        if (configured.isPresent()) {
            return Set.of(configured.get());
        }
        return found.ports().isEmpty()
                ? Set.of(Config.DEFAULT_PORT)
                : found.ports().keySet();
    }

    DesiredAttachment of(Discovery.Uplink uplink) {
        int port = ports(config, found).iterator().next();
        return new DesiredAttachment(
                uplink.device().name(),
                new RuleSet(port, false, Optional.of(config.defaultRule()), rules()),
                new AttachOptions(Hook.NONE, config.get(Key.BACKSTOP), false, config.get(Key.ENABLE_GRO)).ofAgent());
    }

    /**
     * A rule for a VNI goes before one for a network's name, and of two networks with one VNI the first in the file
     * counts. A name that Docker does not know has no VNI, one that several networks have has the VNIs of all. Each other
     * encrypted network has the default rule as one of its own, so that its packets are counted separately.
     */
    private Map<Vni, Rule> rules() {
        Map<Vni, Rule> rules = new TreeMap<>();
        for (RuleSettings rule : config.rules()) {
            rule.vnis().ifPresent(vnis -> vnis.forEach(vni -> rules.put(vni, config.rule(rule))));
        }
        for (RuleSettings rule : config.rules()) {
            if (rule.vnis().isEmpty()) {
                found.overlays().stream()
                        .filter(overlay -> overlay.networks().contains(rule.subject()))
                        .forEach(overlay -> add(rules, overlay, config.rule(rule)));
            }
        }
        found.overlays().stream()
                .filter(overlay -> overlay.encrypted().orElse(false))
                .limit(MOST_NETWORKS)
                .forEach(overlay -> add(rules, overlay, config.defaultRule()));
        return rules;
    }

    /** What there is no room for is left to the default rule, so that many networks cannot make attaching fail. */
    private static void add(Map<Vni, Rule> rules, Discovery.Overlay overlay, Rule rule) {
        if (rules.size() < CsumbpfMaps.RULES_MAX) {
            rules.putIfAbsent(new Vni(overlay.vni()), rule);
        }
    }
}
