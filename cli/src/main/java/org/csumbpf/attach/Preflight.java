// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.Ethtool;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.loader.host.XdpMode;

/**
 * Whether decrypted packets can reach tc ingress on a device. They do only where ESP is decrypted inside GRO and put
 * back on the device: the kernel needs esp4_offload, the device its GRO feature, and generic XDP switches GRO off.
 * Reads only; runs in the device's network namespace.
 */
final class Preflight {
    static final String ESP4_OFFLOAD = "esp4_offload";
    static final String ESP6_OFFLOAD = "esp6_offload";

    /**
     * Something that keeps decrypted packets from tc.
     *
     * @param reason why
     * @param remedy the command that mends it, or what else to do
     */
    record Obstacle(String reason, String remedy) {
        @Override
        public String toString() {
            return reason + ": " + remedy;
        }
    }

    /** GRO happens on the lowest device: a VLAN's parent, a bond's members. */
    static List<NetDevice> receivers(NetDevice device) {
        List<NetDevice> receivers = new ArrayList<>();
        if (device.kind().equals("vlan") && device.lowerIfindex() != 0 && !device.lowerInOtherNetns()) {
            Rtnetlink.device(device.lowerIfindex()).ifPresent(lower -> receivers.addAll(receivers(lower)));
        } else if (device.kind().equals("bond") || device.kind().equals("team")) {
            for (NetDevice member : Rtnetlink.devices()) {
                if (member.masterIfindex() == device.ifindex()) {
                    receivers.addAll(receivers(member));
                }
            }
        }
        return receivers.isEmpty() ? List.of(device) : receivers;
    }

    /**
     * The ifindexes that a packet which the device received can have further up: its own, its VLANs', its bond's or bridge's. What comes in by
     * a port of Open vSwitch comes out of any internal port of its: flows decide that, not the kernel.
     */
    static Set<Integer> withUppers(NetDevice device) {
        return withUppers(device, Rtnetlink.devices());
    }

    /** @param all the devices of its namespace */
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
                    boolean internalPort = upper.kind().equals(OffloadSafety.OPEN_VSWITCH)
                            && all.stream()
                                    .anyMatch(master -> master.ifindex() == lower.masterIfindex()
                                            && master.kind().equals(OffloadSafety.OPEN_VSWITCH));
                    if (vlan || internalPort || upper.ifindex() == lower.masterIfindex()) {
                        open.push(upper);
                    }
                }
            }
        }
        return found;
    }

    /** Whether GRO runs on the devices that receive; {@code ignoreGroOf} is about to be switched on. */
    static List<Obstacle> receivePath(NetDevice device, boolean enableGro) {
        List<Obstacle> obstacles = new ArrayList<>();
        if (!LinkType.decryptsBeforeTc(device)) {
            obstacles.add(new Obstacle(
                    "ESP that comes in by " + device.name() + " ("
                            + (device.kind().isEmpty() ? "ARPHRD type " + device.arphrd() : device.kind())
                            + ") is decrypted behind tc",
                    "attach with --backstop always"));
            return obstacles; // its GRO makes no difference
        }
        for (NetDevice receiver : receivers(device)) {
            String name = receiver.name();
            if (!gro(name) && !(enableGro && receiver.ifindex() == device.ifindex())) {
                String own = receiver.ifindex() == device.ifindex() ? " (or attach with --enable-gro)" : "";
                obstacles.add(new Obstacle(
                        "GRO is off on " + name, "run 'ethtool -K " + ShellWord.quote(name) + " gro on'" + own));
            }
            if (receiver.xdp() == XdpMode.GENERIC || receiver.xdp() == XdpMode.MULTI) {
                obstacles.add(new Obstacle(
                        "generic XDP on " + name + " switches GRO off",
                        "run 'ip link set dev " + ShellWord.quote(name)
                                + " xdpgeneric off', or load that program in native mode"));
            }
            if (receiver.kind().equals("veth")
                    && !KernelRelease.current().atLeast(5, 13)
                    && receiver.xdp() == XdpMode.NONE) {
                obstacles.add(new Obstacle(
                        name + " is a veth, which has no GRO on a kernel before 5.13",
                        "attach to the physical device"));
            }
        }
        return obstacles;
    }

    /**
     * That a module is there where attach would not have loaded it. Newer kernels may come to no harm.
     *
     * @param harm from {@link OffloadSafety#harm}
     */
    static Obstacle harmsAlready(String module, boolean builtIn, String harm) {
        return new Obstacle(
                module + ", which csumbpf did not load, can harm this host (" + harm + ")",
                builtIn
                        ? "it is built into this kernel; take one that has it as a module"
                        : "run 'modprobe -r " + module + "' and see that nothing loads it again ('grep -rs " + module
                                + " /etc/modules /etc/modules-load.d')");
    }

    /** Whether the kernel can decrypt IPv4 ESP inside GRO, now or once the module is loaded. */
    static Optional<Obstacle> module(String module) {
        if (KernelModule.state(module) == KernelModule.State.UNAVAILABLE) {
            return Optional.of(
                    missing(module, "this kernel (" + KernelRelease.current().text() + ") does not have it"));
        }
        return Optional.empty();
    }

    static Obstacle missing(String module, String why) {
        return new Obstacle(
                module + " is not loaded (" + why + "), so ESP is decrypted behind tc",
                "install the kernel's modules (Debian: linux-image-$(uname -r)) and run 'modprobe " + module + "'");
    }

    static Obstacle harmful(String module, String harm) {
        return new Obstacle(
                module + " is not loaded, since it would harm this host (" + harm + "), so ESP is decrypted behind tc",
                "the nftables backstop repairs it there ('--backstop always')");
    }

    static boolean gro(String device) {
        try {
            return Ethtool.gro(device);
        } catch (KernelException e) {
            // A device without ethtool operations has the feature the kernel gives every device: on.
            return true;
        }
    }

    private Preflight() {}
}
