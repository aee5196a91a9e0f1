// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.maps.Backstop;
import org.csumbpf.pin.AttachException;

/**
 * Whether decrypted packets can reach tc ingress on a device. ESP must be decrypted inside GRO and put back on the
 * device: the kernel needs esp4_offload, the device its GRO feature, and generic XDP switches GRO off. Reads only, in
 * the device's network namespace.
 */
public final class Preflight {
    public static final String ESP4_OFFLOAD = "esp4_offload";
    /** The remedy if decrypted packets can reach only the backstop. */
    static final Remedy USE_BACKSTOP = Remedy.words("attach with --backstop always");

    public static final String ESP6_OFFLOAD = "esp6_offload";

    /** GRO happens on the lowest device: a VLAN's parent, a bond's members. */
    static List<NetDevice> receivers(NetDevice device, NamespaceSnapshot netns) {
        List<NetDevice> receivers = new ArrayList<>();
        if (device.kind().equals("vlan") && device.lowerIfindex() != 0 && !device.lowerInOtherNetns()) {
            netns.link(device.lowerIfindex()).ifPresent(lower -> receivers.addAll(receivers(lower, netns)));
        } else if (device.kind().equals("bond") || device.kind().equals("team")) {
            for (NetDevice member : netns.links().get()) {
                if (member.masterIfindex() == device.ifindex()) {
                    receivers.addAll(receivers(member, netns));
                }
            }
        }
        return receivers.isEmpty() ? List.of(device) : receivers;
    }

    /**
     * What keeps decrypted packets from tc on the receiving devices; {@code enableGro}: the device's own GRO will be
     * on.
     */
    public static List<Finding> receivePath(
            HostSnapshot host, NamespaceSnapshot netns, NetDevice device, boolean enableGro) {
        List<Finding> findings = new ArrayList<>();
        if (!LinkType.decryptsBeforeTc(device)) {
            // Whether its GRO is on makes no difference.
            return List.of(Finding.problem(
                    Finding.Id.DEVICE_DECRYPTS_BEHIND_TC,
                    device.name(),
                    "ESP that " + device.name() + " ("
                            + (device.kind().isEmpty() ? "ARPHRD type " + device.arphrd() : device.kind())
                            + ") receives is decrypted after tc",
                    USE_BACKSTOP));
        }
        for (NetDevice receiver : receivers(device, netns)) {
            String name = receiver.name();
            if (!netns.gro().test(name) && !(enableGro && receiver.ifindex() == device.ifindex())) {
                List<Remedy> remedies = new ArrayList<>();
                remedies.add(new Remedy(List.of("ethtool", "-K", name, "gro", "on"), "switches GRO on"));
                if (receiver.ifindex() == device.ifindex()) {
                    remedies.add(Remedy.words("or attach with --enable-gro"));
                }
                findings.add(new Finding(
                        Finding.Id.GRO_OFF, Finding.Severity.PROBLEM, name, "GRO is off on " + name, remedies));
            }
            if (receiver.xdp() == XdpMode.GENERIC || receiver.xdp() == XdpMode.MULTI) {
                findings.add(Finding.problem(
                        Finding.Id.GENERIC_XDP,
                        name,
                        "generic XDP on " + name + " switches GRO off",
                        new Remedy(
                                List.of("ip", "link", "set", "dev", name, "xdpgeneric", "off"),
                                "removes the XDP program"),
                        Remedy.words("or load the XDP program in native mode")));
            }
            if (receiver.kind().equals("veth")
                    && !host.kernel().get().atLeast(5, 13)
                    && receiver.xdp() == XdpMode.NONE) {
                findings.add(Finding.problem(
                        Finding.Id.VETH_WITHOUT_GRO,
                        name,
                        name + " is a veth, which has no GRO on a kernel before 5.13",
                        Remedy.words("attach to the physical device")));
            }
        }
        return findings;
    }

    /** The finding if this kernel does not have the module. */
    public static Optional<Finding> module(HostSnapshot host, String module) {
        if (host.module(module) == KernelModule.State.UNAVAILABLE) {
            return Optional.of(missing(module, "kernel " + host.kernel().get().text() + " does not have the module"));
        }
        return Optional.empty();
    }

    public static Finding missing(String module, String why) {
        return Finding.problem(
                Finding.Id.MODULE_MISSING,
                module,
                module + " is not loaded (" + why + "), so ESP is decrypted after tc",
                new Remedy(
                        List.of("modprobe", module),
                        "loads the module, once the kernel's modules are installed (Debian: linux-image-$(uname -r))"));
    }

    public static Finding harmful(String module, String harm) {
        return Finding.problem(
                Finding.Id.MODULE_UNSAFE,
                module,
                module + " is not loaded: the module would break traffic on this host (" + harm
                        + "); so ESP is decrypted after tc",
                USE_BACKSTOP);
    }

    /** @param why nftables cannot be used */
    public static Finding withoutBackstop(String device, String why) {
        return Finding.note(
                Finding.Id.BACKSTOP_UNAVAILABLE,
                device,
                "no nftables backstop, so what is decrypted after tc, such as fragmented ESP, is not repaired: " + why);
    }

    /** @param why in a whole sentence */
    public static Finding ipv6Uncovered(String device, String why) {
        return Finding.note(Finding.Id.IPV6_NOT_COVERED, device, why);
    }

    /**
     * Why attach refuses: no path could repair decrypted packets.
     *
     * @param backstop what was asked for
     * @param besides what is known of the other path, as a part of the reason
     */
    public static AttachException refusal(
            String ifname, List<Finding> obstacles, Backstop backstop, List<Finding> besides) {
        List<String> next = new ArrayList<>();
        obstacles.stream()
                .map(obstacle -> obstacle.withBackstop(backstop).advice())
                .filter(advice -> !advice.isEmpty())
                .forEach(next::add);
        next.add("--force attaches anyway");
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "attach to " + ifname + " failed: decrypted packets cannot reach tc: "
                        + obstacles.stream().map(Finding::evidence).collect(Collectors.joining("; "))
                        + besides.stream()
                                .map(finding -> "; and " + finding.text())
                                .collect(Collectors.joining()),
                String.join("; ", next));
    }

    private Preflight() {}
}
