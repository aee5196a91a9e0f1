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

/**
 * The nftables rules that an attachment needs, by its device and the addresses there now.
 *
 * @param byFamily a plan for each family; IPv6 only if the device has addresses for it
 * @param uncovered why IPv6 is not covered although there are addresses
 */
public record NftPlans(Map<NftPlan.Family, NftPlan> byFamily, Optional<String> uncovered) {
    /**
     * @param links all devices of its namespace
     * @param inet6 the IPv6 addresses there
     */
    public static NftPlans of(NetDevice device, RuleSet rules, List<NetDevice> links, Inet6Addresses inet6) {
        Set<Integer> receivers = withUppers(device, links);
        Map<NftPlan.Family, NftPlan> plans = new EnumMap<>(NftPlan.Family.class);
        plans.put(NftPlan.Family.IP, NftPlan.of(NftPlan.Family.IP, device.ifindex(), receivers, rules));
        Optional<String> uncovered = Optional.empty();
        if (receivers.stream().anyMatch(inet6.globalDevices()::contains)) {
            NftPlan ip6 = NftPlan.of(NftPlan.Family.IP6, device.ifindex(), receivers, rules);
            if (ip6.needsLoopback() && !inet6.loopback()) {
                uncovered = Optional.of("IPv6 that is decrypted after tc is not repaired: lo has no address ::1;"
                        + " run 'ip link set lo up', and check 'sysctl net.ipv6.conf.lo.disable_ipv6'");
            } else {
                plans.put(NftPlan.Family.IP6, ip6);
            }
        }
        return new NftPlans(plans, uncovered);
    }

    /** The kind of Open vSwitch's internal ports, and of the device that is the master of all its ports. */
    public static final String OPEN_VSWITCH = "openvswitch";

    /**
     * The ifindexes under which a packet from the device can appear further up: its own, and those of its VLANs, bond
     * or bridge. What enters Open vSwitch by a port can leave by any internal port, because flows decide that and not
     * the kernel.
     *
     * @param all the devices of its namespace
     */
    static Set<Integer> withUppers(NetDevice device, List<NetDevice> all) {
        Set<Integer> found = new TreeSet<>();
        Deque<NetDevice> open = new ArrayDeque<>(List.of(device));
        while (!open.isEmpty()) {
            NetDevice lower = open.pop();
            if (found.add(lower.ifindex())) {
                for (NetDevice upper : all) {
                    boolean vlan = upper.kind().equals("vlan")
                            && upper.lowerIfindex() == lower.ifindex()
                            && !upper.lowerInOtherNetns();
                    boolean internalPort = upper.kind().equals(OPEN_VSWITCH)
                            && all.stream()
                                    .anyMatch(master -> master.ifindex() == lower.masterIfindex()
                                            && master.kind().equals(OPEN_VSWITCH));
                    if (vlan || internalPort || upper.ifindex() == lower.masterIfindex()) {
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

    public boolean needsLoopback() {
        return byFamily.values().stream().anyMatch(NftPlan::needsLoopback);
    }
}
