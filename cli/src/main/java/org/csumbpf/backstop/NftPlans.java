// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.Inet6Addresses;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;

/**
 * What an attachment wants of nftables, by its device and the addresses there now.
 *
 * @param byFamily its plans; IPv6 only where the device has addresses for it
 * @param uncovered why IPv6 is not covered although there are addresses
 */
public record NftPlans(Map<NftPlan.Family, NftPlan> byFamily, Optional<String> uncovered) {
    public static NftPlans of(NetDevice device, RuleSet rules) {
        Set<Integer> receivers = withUppers(device);
        Map<NftPlan.Family, NftPlan> plans = new EnumMap<>(NftPlan.Family.class);
        plans.put(NftPlan.Family.IP, NftPlan.of(NftPlan.Family.IP, device.ifindex(), receivers, rules));
        Optional<String> uncovered = Optional.empty();
        if (receivers.stream().anyMatch(Inet6Addresses.globalDevices()::contains)) {
            NftPlan ip6 = NftPlan.of(NftPlan.Family.IP6, device.ifindex(), receivers, rules);
            if (ip6.needsDetour() && !Inet6Addresses.hasLoopback()) {
                uncovered = Optional.of("IPv6 that bypasses tc is not repaired: the device lo has no address ::1;"
                        + " run 'ip link set lo up', and look at the sysctl net.ipv6.conf.lo.disable_ipv6");
            } else {
                plans.put(NftPlan.Family.IP6, ip6);
            }
        }
        return new NftPlans(plans, uncovered);
    }

    /** The ifindexes that a packet which the device received can have further up: its own, its VLANs', its bond's or bridge's. */
    private static Set<Integer> withUppers(NetDevice device) {
        List<NetDevice> all = Rtnetlink.devices();
        Set<Integer> found = new TreeSet<>();
        Deque<NetDevice> open = new ArrayDeque<>(List.of(device));
        while (!open.isEmpty()) {
            NetDevice lower = open.pop();
            if (found.add(lower.ifindex())) {
                for (NetDevice upper : all) {
                    boolean vlan = upper.kind().equals("vlan")
                            && upper.lowerIfindex() == lower.ifindex()
                            && !upper.lowerInOtherNetns();
                    if (vlan || upper.ifindex() == lower.masterIfindex()) {
                        open.push(upper);
                    }
                }
            }
        }
        return found;
    }

    public NftPlans onlyIp() {
        return new NftPlans(Map.of(NftPlan.Family.IP, byFamily.get(NftPlan.Family.IP)), uncovered);
    }

    public boolean needsDetour() {
        return byFamily.values().stream().anyMatch(NftPlan::needsDetour);
    }
}
