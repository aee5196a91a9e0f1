// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NamespaceSearch;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.SecurityAssociation;

/**
 * Whether esp4_offload and esp6_offload may be loaded. With them, the whole host decrypts ESP before anything can take
 * packets off a device. If that breaks what worked, only the backstop repairs. Reads only.
 */
public final class OffloadSafety {
    private static final String OPEN_VSWITCH = NftPlans.OPEN_VSWITCH;
    /** As 'ip -d link' prints them. */
    private static final Set<String> IP_TUNNELS = Set.of("ipip", "sit", "gre", "ip6tnl", "ip6gre");

    private OffloadSafety() {}

    /** What the modules would harm in the namespace that csumbpf was started in. */
    static Optional<String> harmHere(Function<NetworkNamespace, NamespaceSnapshot> namespaces) {
        try (NetworkNamespace own = NetworkNamespace.current()) {
            return own.call(() -> harm(namespaces.apply(own)));
        }
    }

    /** What they would harm in all namespaces that can be found, with the namespace's name. */
    static Optional<String> harmAnywhere(Function<NetworkNamespace, NamespaceSnapshot> namespaces) {
        List<String> found = new ArrayList<>();
        NamespaceSearch.first(netns -> {
                    netns.call(() -> harm(namespaces.apply(netns))).ifPresent(harm -> found.add(harm + where(netns)));
                    return !found.isEmpty();
                })
                .namespace()
                .ifPresent(NetworkNamespace::close);
        return found.stream().findFirst();
    }

    private static String where(NetworkNamespace netns) {
        return netns.isCurrent() ? "" : "; network namespace " + netns.reference();
    }

    /**
     * The harm of a module that is loaded; empty: it is not loaded, or no harm is known. Newer kernels may not be
     * harmed.
     *
     * @param netns the attachment's own
     * @param unload the command that unloads the module, if attach loaded it; empty: somebody else did
     */
    public static Optional<Finding> harmBy(
            HostSnapshot host, NamespaceSnapshot netns, String module, Optional<Remedy> unload) {
        if (!host.hasModule(module)) {
            return Optional.empty();
        }
        boolean builtIn = host.module(module) == KernelModule.State.BUILT_IN;
        return host.offloadHarm(netns).map(harm -> {
            if (unload.isPresent() && !builtIn) {
                return Finding.problem(
                        Finding.Id.MODULE_HARMS,
                        module,
                        module + ", which attach loaded, now breaks traffic on this host (" + harm + ")",
                        unload.get());
            }
            String evidence = module + ", which csumbpf did not load, can break traffic on this host (" + harm + ")";
            return builtIn
                    ? Finding.problem(
                            Finding.Id.MODULE_HARMS,
                            module,
                            evidence,
                            Remedy.words(module + " is built into this kernel; boot a kernel that has it as a module"))
                    : Finding.problem(
                            Finding.Id.MODULE_HARMS,
                            module,
                            evidence,
                            new Remedy(List.of("modprobe", "-r", module), "unloads the module"),
                            Remedy.words("check that nothing loads the module at boot: 'grep -rs " + module
                                    + " /etc/modules /etc/modules-load.d'"));
        });
    }

    /** What the modules would harm in a namespace, in words; empty: no harm is known. */
    static Optional<String> harm(NamespaceSnapshot netns) {
        List<NetDevice> devices = netns.links().get();
        List<SecurityAssociation> associations = netns.associations().get();
        // Measured on 6.1 and 6.12: packets decrypted earlier leave an internal port without their IPsec state.
        for (NetDevice device : devices) {
            if (device.kind().equals(OPEN_VSWITCH)) {
                return Optional.of(
                        "Open vSwitch, device " + device.name() + ": decrypted packets lose their IPsec state there");
            }
        }
        // Measured on 6.1, 6.12 and 7.3: compressed packets are lost.
        if (associations.stream().anyMatch(SecurityAssociation::isIpComp)) {
            return Optional.of("IPComp: compressed packets inside ESP are lost");
        }
        // Measured on 6.1 with ipip and gre: packets decrypted as they leave the tunnel are dropped as truncated.
        for (NetDevice device : devices) {
            if (IP_TUNNELS.contains(device.kind())
                    && carriesEsp(device, associations, netns.addresses().get())) {
                return Optional.of("ESP inside the " + device.kind() + " tunnel " + device.name() + " is lost");
            }
        }
        return Optional.empty();
    }

    private static boolean carriesEsp(
            NetDevice device, List<SecurityAssociation> associations, List<DeviceAddress> addresses) {
        Set<InetAddress> own = new HashSet<>();
        for (DeviceAddress address : addresses) {
            if (address.ifindex() == device.ifindex()) {
                own.add(address.address());
            }
        }
        return associations.stream()
                .anyMatch(sa -> sa.isEsp() && (own.contains(sa.source()) || own.contains(sa.destination())));
    }
}
