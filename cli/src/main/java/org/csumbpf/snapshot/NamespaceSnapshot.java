// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.Ethtool;
import org.csumbpf.loader.host.Inet6Addresses;
import org.csumbpf.loader.host.IpsecPolicy;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.Xfrm;

/**
 * A network namespace, as far as repair depends on it. Each part must first be read from inside the namespace.
 *
 * @param links its devices
 * @param addresses of its devices
 * @param inet6 which of them have IPv6
 * @param associations its IPsec security associations
 * @param policies its IPsec policies
 * @param gro whether the device of that name has its GRO feature on
 */
public record NamespaceSnapshot(
        Reading<List<NetDevice>> links,
        Reading<List<DeviceAddress>> addresses,
        Reading<Inet6Addresses> inet6,
        Reading<List<SecurityAssociation>> associations,
        Reading<List<IpsecPolicy>> policies,
        Predicate<String> gro) {

    /** Of the namespace that the caller has entered; the caller must be in it again for each part that it reads. */
    public static NamespaceSnapshot here() {
        Map<String, Boolean> gro = new HashMap<>();
        return new NamespaceSnapshot(
                Reading.of(Rtnetlink::devices),
                Reading.of(Rtnetlink::addresses),
                Reading.of(Inet6Addresses::read),
                Reading.of(Xfrm::associations),
                Reading.of(Xfrm::policies),
                name -> gro.computeIfAbsent(name, NamespaceSnapshot::gro));
    }

    /** Whether a device has its GRO feature on now. */
    public static boolean gro(String device) {
        try {
            return Ethtool.gro(device);
        } catch (KernelException e) {
            // A device without ethtool operations has the kernel's default: GRO is on.
            return true;
        }
    }

    Optional<NetDevice> link(int ifindex) {
        return links.get().stream().filter(link -> link.ifindex() == ifindex).findFirst();
    }

    /** Whether there is ESP over IPv6. */
    public boolean hasIpv6Esp() {
        return associations.get().stream().anyMatch(sa -> sa.isEsp() && sa.ipv6());
    }

    /** The nftables rules that a device with these rules needs. */
    public NftPlans nftPlans(NetDevice device, RuleSet rules) {
        return NftPlans.of(device, rules, links.get(), inet6.get());
    }
}
