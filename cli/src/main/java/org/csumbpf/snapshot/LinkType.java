// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.maps.LinkHeader;
import org.csumbpf.pin.AttachException;
import org.csumbpf.text.ShellWord;

/**
 * What an attachment must know of a device's type: what its packets begin with at tc ingress, and whether ESP can be
 * decrypted before tc. Types are the kernel's ARPHRD_* (linux/if_arp.h), kinds those of 'ip -d link'.
 */
public final class LinkType {
    private static final int ARPHRD_ETHER = 1;
    private static final int ARPHRD_LOOPBACK = 772;

    /**
     * At tc ingress their packets begin with IP, or (gre) with an outer IP header, in which the program finds no VXLAN.
     */
    private static final Set<Integer> WITHOUT_HEADER = Set.of(
            512, // PPP: the kernel has removed its header
            519, // RAWIP
            768, // TUNNEL: ipip
            769, // TUNNEL6: ip6tnl
            776, // SIT
            778, // IPGRE
            823, // IP6GRE
            65534); // NONE: WireGuard, tun

    /** Kinds that never receive ESP from the network, and why. */
    private static final Map<String, String> WRONG = Map.of(
            "vxlan", "a VXLAN device gets its packets after the UDP checksum is verified",
            "geneve", "a Geneve device gets its packets after the UDP checksum is verified",
            "ifb", "an ifb device gets only packets that another device has received",
            "dummy", "a dummy device receives nothing");

    private LinkType() {}

    /** Why attach could not work on this device; empty: it can. */
    public static Optional<AttachException> refusal(NetDevice device) {
        String reason = WRONG.get(device.kind());
        if (device.arphrd() == ARPHRD_LOOPBACK) {
            reason = "the loopback device receives nothing from other hosts";
        }
        if (reason == null && device.arphrd() != ARPHRD_ETHER && !WITHOUT_HEADER.contains(device.arphrd())) {
            reason = "csumbpf does not know the link header of this device (ARPHRD type " + device.arphrd() + ")";
        }
        return Optional.ofNullable(reason)
                .map(why -> new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "attach to " + device.name() + " failed: " + why,
                        "attach to the interface that receives the ESP packets, such as 'csumbpf attach eth0';"
                                + " 'ip route get PEER' names the interface"));
    }

    public static LinkHeader header(NetDevice device) {
        return WITHOUT_HEADER.contains(device.arphrd()) ? LinkHeader.NONE : LinkHeader.ETHERNET;
    }

    /**
     * Whether ESP can be decrypted before tc on this device, if {@link Preflight} finds nothing else against it.
     * WireGuard uses NAPI GRO for what it receives, tun only if its program asks for it, PPP never. ESP in ipip or gre
     * would be decrypted by the GRO of the device below, and is then lost as truncated (6.1, measured): no module may
     * be loaded for IP tunnels.
     */
    public static boolean decryptsBeforeTc(NetDevice device) {
        return header(device) == LinkHeader.ETHERNET || device.kind().equals("wireguard") || device.arphrd() == 519;
    }

    /**
     * Plaintext cannot be dropped on tc alone: fragments pass, because only the first of them holds the port.
     *
     * @param why there is no backstop
     */
    public static AttachException cannotDropFragments(String ifname, String why) {
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "--plaintext drop on " + ifname
                        + " failed: plaintext in fragments passes tc, and there is no nftables backstop to drop it: "
                        + why,
                why.equals("--backstop never")
                        ? "run 'csumbpf attach " + ShellWord.quote(ifname)
                                + " --plaintext drop --backstop auto', or use --plaintext pass"
                        : "or use --plaintext pass");
    }
}
