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
 * What a device is, as far as an attachment depends on it: what its packets begin with at tc ingress, and whether ESP can be
 * decrypted before that. Types are the kernel's ARPHRD_* (linux/if_arp.h), kinds those of 'ip -d link'.
 */
public final class LinkType {
    private static final int ARPHRD_ETHER = 1;
    private static final int ARPHRD_LOOPBACK = 772;

    /** Their packets begin with IP at tc ingress, or with another IP header before it, in which the program finds no VXLAN (gre). */
    private static final Set<Integer> WITHOUT_HEADER = Set.of(
            512, // PPP: the kernel has taken its header off
            519, // RAWIP
            768, // TUNNEL: ipip
            769, // TUNNEL6: ip6tnl
            776, // SIT
            778, // IPGRE
            823, // IP6GRE
            65534); // NONE: WireGuard, tun

    /** Kinds that never receive ESP from the network, and why. */
    private static final Map<String, String> WRONG = Map.of(
            "vxlan", "a VXLAN device gets its packets after the UDP checksum was verified",
            "geneve", "a Geneve device gets its packets after the UDP checksum was verified",
            "ifb", "an ifb device gets only packets that another device has received",
            "dummy", "a dummy device receives nothing");

    private LinkType() {}

    /** Why nothing that attach does could work on this device. */
    public static Optional<AttachException> refusal(NetDevice device) {
        String reason = WRONG.get(device.kind());
        if (device.arphrd() == ARPHRD_LOOPBACK) {
            reason = "the loopback device receives nothing from other hosts";
        }
        if (reason == null && device.arphrd() != ARPHRD_ETHER && !WITHOUT_HEADER.contains(device.arphrd())) {
            reason = "csumbpf does not know what its packets begin with (ARPHRD type " + device.arphrd() + ")";
        }
        return Optional.ofNullable(reason)
                .map(why -> new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "attach to " + device.name() + " failed: " + why,
                        "attach to the interface that receives the ESP packets, as 'csumbpf attach eth0' ('ip route get PEER'"
                                + " names it)"));
    }

    public static LinkHeader header(NetDevice device) {
        return WITHOUT_HEADER.contains(device.arphrd()) ? LinkHeader.NONE : LinkHeader.ETHERNET;
    }

    /**
     * Whether ESP is decrypted before tc on this device, once the rest is as {@link Preflight} wants it. WireGuard gives what it
     * receives to NAPI GRO. tun has that only where its program asks for it, PPP never. ESP in ipip or gre would be decrypted by the GRO
     * of the device below, and is then lost as truncated (6.1, measured): for IP tunnels nothing may be loaded.
     */
    public static boolean decryptsBeforeTc(NetDevice device) {
        return header(device) == LinkHeader.ETHERNET || device.kind().equals("wireguard") || device.arphrd() == 519;
    }

    /**
     * On tc alone fragments pass, since only the first of them holds the port: a promise to drop plaintext could not be kept.
     *
     * @param why there is no backstop
     */
    public static AttachException cannotDropFragments(String ifname, String why) {
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "--plaintext drop on " + ifname
                        + " failed: plaintext in fragments passes tc, and there is no nftables backstop to drop it: "
                        + why,
                "run 'csumbpf attach " + ShellWord.quote(ifname)
                        + " --plaintext drop --backstop auto', or take --plaintext pass");
    }
}
