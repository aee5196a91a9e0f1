// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.csumbpf.doctor.HostState.Association;
import org.csumbpf.doctor.HostState.Device;
import org.csumbpf.doctor.HostState.Policy;
import org.csumbpf.doctor.HostState.Vxlan;

/** Whether VXLAN devices, policies and Docker's rules fit together, and whether packets fit into the way. */
final class OverlayChecks {
    /** IP, UDP and VXLAN headers and an Ethernet header without its checksum, for IPv4 (RFC 7348 section 4.1). */
    private static final int VXLAN_OVER_IPV4 = 20 + 8 + 8 + 14;

    /** Each host must take IPv4 packets of 576 bytes (RFC 791), so a first fragment hardly has less; in bytes. */
    private static final int SHORT = 548;

    private static final int IPV4 = 20;
    private static final int IPV6 = 40;
    /** SPI, sequence number and the IV of AES-GCM (RFC 4303 section 2, RFC 4106 section 3). */
    private static final int ESP_IN_FRONT = 4 + 4 + 8;
    /** Length of padding and next header (RFC 4303 section 2). */
    private static final int ESP_TRAILER = 2;
    /** Docker's, and the shorter of those that are in use. */
    private static final int ICV_BITS = 64;

    private final Watch watch;
    private final boolean overIpv6;
    /** Of what this host sends, bytes: SAs of addresses that it had once do not count. */
    private final int icv;

    OverlayChecks(Watch watch) {
        this.watch = watch;
        this.overIpv6 =
                watch.overlayEsp().stream().anyMatch(sa -> sa.destination().contains(":"));
        this.icv = watch.overlayEsp().stream()
                        .filter(watch::isOutbound)
                        .mapToInt(Association::icvBits)
                        .filter(bits -> bits > 0 && bits <= 512)
                        .max()
                        .orElse(ICV_BITS)
                / 8;
    }

    List<DoctorFinding> all() {
        List<DoctorFinding> found = new ArrayList<>();
        found.addAll(sockets());
        found.addAll(orphans());
        found.addAll(ports());
        found.addAll(plaintext());
        found.addAll(guard());
        found.addAll(size());
        found.addAll(way());
        boolean fragmented = found.stream().anyMatch(finding -> finding.check() == Check.MTU_FRAGMENTS);
        found.addAll(fragments(fragmented));
        return found;
    }

    private List<DoctorFinding> sockets() {
        List<DoctorFinding> found = new ArrayList<>();
        for (int port : watch.ports()) {
            HostState.Socket socket = watch.after().sockets().get(port);
            boolean served = watch.encryptedDevices().stream().anyMatch(vxlan -> vxlan.port() == port && vxlan.up());
            boolean ours = !watch.encryptedVnis().isEmpty()
                    || watch.udpPolicies().stream().anyMatch(policy -> policy.destinationPort() == port);
            if (socket != null && socket.process() && ours) {
                String evidence = "a process has a socket on UDP port " + port + ", the port of VXLAN";
                String[] remedy = {"ss", "-ulnp", "sport = :" + port};
                found.add(
                        served
                                ? DoctorFinding.warning(Check.VXLAN_PORT_CONFLICT, "port " + port, evidence, remedy)
                                : DoctorFinding.error(
                                        Check.VXLAN_PORT_CONFLICT,
                                        "port " + port,
                                        evidence + ", and no VXLAN device of an encrypted overlay is up on it",
                                        remedy));
            }
        }
        return found;
    }

    private List<DoctorFinding> orphans() {
        return watch.after().vxlans().stream()
                .filter(vxlan -> vxlan.netns().isEmpty()
                        && !vxlan.moved()
                        && vxlan.name().matches("vx-[0-9a-f]{6}-.{5}")
                        // Docker makes the device here, and then moves it.
                        && watch.before().vxlans().stream().anyMatch(vxlan::isSame))
                .map(vxlan -> DoctorFinding.error(
                        Check.VXLAN_ORPHAN,
                        vxlan.name(),
                        "the VXLAN device " + vxlan.name() + " of Docker is in the host's own network namespace",
                        "ip",
                        "link",
                        "delete",
                        vxlan.name()))
                .toList();
    }

    private List<DoctorFinding> ports() {
        // Those without a mark may be of another protocol, such as L2TP.
        Set<Integer> encrypted = watch.udpPolicies().stream()
                .filter(policy -> policy.mark() != 0)
                .map(Policy::destinationPort)
                .collect(Collectors.toCollection(TreeSet::new));
        if (encrypted.isEmpty()) {
            return List.of();
        }
        return watch.encryptedDevices().stream()
                .filter(vxlan -> !encrypted.contains(vxlan.port()))
                .map(vxlan -> DoctorFinding.error(
                        Check.POLICY_PORT_MISMATCH,
                        vxlan.name(),
                        vxlan.name() + " uses UDP port " + vxlan.port()
                                + ", and the policies encrypt what goes to port "
                                + encrypted.stream().map(String::valueOf).collect(Collectors.joining(", ")),
                        "ip",
                        "xfrm",
                        "policy"))
                .toList();
    }

    private List<DoctorFinding> plaintext() {
        List<DoctorFinding> found = new ArrayList<>();
        Set<Integer> vnis = watch.encryptedVnis();
        Set<String> own = watch.ownAddresses();
        Set<String> said = new TreeSet<>();
        for (Seen packet : watch.packets()) {
            // Packets of guests and containers behind a bridge are not this host's. A packet is seen on several
            // devices.
            boolean mine = own.contains(packet.outgoing() ? packet.source() : packet.destination());
            if (packet.isEsp()
                    || !mine
                    || !vnis.contains(packet.vni())
                    || !said.add(packet.vni() + " " + packet.outgoing() + " " + packet.source() + " "
                            + packet.destination())) {
                continue;
            }
            if (packet.outgoing()) {
                found.add(DoctorFinding.error(
                        Check.NOT_ENCRYPTED,
                        "vni " + packet.vni(),
                        Watch.packets(packet.packets()) + " of " + watch.vni(packet.vni())
                                + ", which is to be encrypted, left by " + packet.device() + " for "
                                + packet.destination() + " in plaintext" + unmarked(packet.vni()),
                        "iptables-save",
                        "-t",
                        "mangle"));
            } else if (!decryptsBeforeSockets() || nobodyDecrypted(packet)) {
                String evidence = Watch.packets(packet.packets()) + " of " + watch.vni(packet.vni())
                        + ", which is to be encrypted, came from " + packet.source() + " in plaintext"
                        + dropped(packet.vni());
                // Anybody can send a packet.
                boolean certain =
                        packet.packets() >= Watch.SOME && watch.expectedPeers().containsKey(packet.source());
                found.add(DoctorFinding.errorIf(certain, Check.NOT_ENCRYPTED, "vni " + packet.vni(), evidence));
            }
        }
        if (decryptsBeforeSockets()) {
            plaintextOfAttachments(vnis, found);
        }
        found.addAll(stopped(found));
        for (Vxlan vxlan : watch.encryptedDevices()) {
            boolean marks = watch.after().firewall().readable()
                    && vnis.contains((int) vxlan.vni())
                    && !watch.after().firewall().marked().contains((int) vxlan.vni());
            boolean needsMark = watch.udpPolicies().stream().allMatch(policy -> policy.mark() != 0)
                    && !watch.udpPolicies().isEmpty();
            // Engines up to 20.10.23 make the rule when the first peer comes.
            boolean hasPeers = vxlan.forwarding().stream()
                    .anyMatch(entry -> watch.expectedPeers().containsKey(entry.destination()));
            if (marks
                    && needsMark
                    && hasPeers
                    && found.stream().noneMatch(finding -> finding.subject().equals("vni " + vxlan.vni()))) {
                found.add(DoctorFinding.error(
                        Check.NOT_ENCRYPTED,
                        "vni " + vxlan.vni(),
                        watch.vni((int) vxlan.vni())
                                + " is to be encrypted, and no rule marks its packets for the IPsec policy",
                        "iptables-save",
                        "-t",
                        "mangle"));
            }
        }
        return found;
    }

    /** What Docker's own rules dropped, which nothing else saw: with esp4_offload packet sockets cannot tell. */
    private List<DoctorFinding> stopped(List<DoctorFinding> known) {
        Map<Integer, Long> earlier = watch.before().firewall().stopped();
        List<DoctorFinding> found = new ArrayList<>();
        watch.after().firewall().stopped().forEach((vni, packets) -> {
            // A rule that was not read before may have dropped all of that earlier.
            long rise = earlier.containsKey(vni) ? Watch.rise(earlier.get(vni), packets) : 0;
            String subject = "vni " + vni;
            if (rise >= Watch.SOME
                    && known.stream().noneMatch(finding -> finding.subject().equals(subject))) {
                found.add(plaintext(
                        vni,
                        Watch.packets(rise) + " of " + watch.vni(vni) + ", which is to be encrypted, came in plaintext"
                                + dropped(vni),
                        "iptables-save",
                        "-c",
                        "-t",
                        "filter"));
            }
        });
        return found;
    }

    /** Of an unknown sender. Anybody can send packets; a peer that sends plaintext sends no ESP. */
    private DoctorFinding plaintext(int vni, String evidence, String... remedy) {
        boolean silent = watch.expectedPeers().keySet().stream()
                .anyMatch(peer -> !watch.exchanges().containsKey(peer)
                        || watch.exchanges().get(peer).in() == 0);
        return DoctorFinding.errorIf(silent, Check.NOT_ENCRYPTED, "vni " + vni, evidence, remedy);
    }

    /** Only the sender can tell why it does not encrypt. */
    private String dropped(int vni) {
        return (watch.after().firewall().guarded().contains(vni) ? "; a rule of Docker's drops them here" : "")
                + "; run csumbpf doctor on the sender, too";
    }

    /** What csumbpf counted of VNIs that have rules of their own. */
    private void plaintextOfAttachments(Set<Integer> vnis, List<DoctorFinding> found) {
        for (HostState.Attachment attachment : watch.after().attachments()) {
            for (HostState.Attachment then : watch.before().attachments()) {
                if (!then.device().equals(attachment.device()) || then.port() != attachment.port()) {
                    continue;
                }
                attachment.plaintextOf().forEach((vni, packets) -> {
                    long rise = Watch.rise(then.plaintextOf().getOrDefault(vni, packets), packets);
                    if (vnis.contains(vni)
                            && rise >= Watch.SOME
                            && found.stream()
                                    .noneMatch(finding -> finding.subject().equals("vni " + vni))) {
                        found.add(plaintext(
                                vni,
                                Watch.packets(rise) + " of " + watch.vni(vni) + ", which is to be encrypted, came by "
                                        + attachment.device() + " in plaintext" + dropped(vni),
                                "csumbpf",
                                "stats",
                                attachment.device(),
                                "--peers"));
                    }
                });
            }
        }
    }

    /** With esp4_offload, packet sockets see what ESP carried as if it had come in plaintext. */
    private boolean decryptsBeforeSockets() {
        return List.of("esp4_offload", "esp6_offload").stream()
                .map(module -> watch.after().modules().getOrDefault(module, ""))
                .anyMatch(state -> state.equals("loaded") || state.equals("built_in"));
    }

    /** Whether more such packets came from this sender than all SAs together decrypted. */
    private boolean nobodyDecrypted(Seen packet) {
        long same = watch.packets().stream()
                .filter(other -> !other.outgoing()
                        && !other.isEsp()
                        && other.vni() == packet.vni()
                        && other.source().equals(packet.source()))
                .mapToLong(Seen::packets)
                .max()
                .orElse(0);
        // What an SA decrypted that is gone now is not known.
        boolean allKnown = watch.wasRead("IPsec SAs")
                && watch.after().associations().stream()
                        .map(Association::spi)
                        .collect(Collectors.toSet())
                        .containsAll(watch.before().associations().stream()
                                .map(Association::spi)
                                .toList());
        return allKnown && !watch.senders().contains(packet.source()) && same - watch.decrypted() >= Watch.SOME;
    }

    private String unmarked(int vni) {
        HostState.Firewall firewall = watch.after().firewall();
        return firewall.readable() && !firewall.marked().contains(vni) ? "; no rule marks it for the IPsec policy" : "";
    }

    private List<DoctorFinding> guard() {
        HostState.Firewall firewall = watch.after().firewall();
        if (!firewall.readable()) {
            return List.of();
        }
        return watch.encryptedDevices().stream()
                .map(vxlan -> (int) vxlan.vni())
                .distinct()
                .filter(vni ->
                        firewall.marked().contains(vni) && !firewall.guarded().contains(vni))
                .map(vni -> DoctorFinding.warning(
                        Check.GUARD_MISSING,
                        "vni " + vni,
                        watch.vni(vni) + " is encrypted, and no rule drops its packets if they come in plaintext",
                        "iptables-save",
                        "-t",
                        "filter"))
                .toList();
    }

    private List<DoctorFinding> size() {
        List<DoctorFinding> found = new ArrayList<>();
        long made = watch.rise("IpFragCreates", "Ip6FragCreates");
        for (Vxlan vxlan : watch.encryptedDevices()) {
            Optional<Device> narrow = uplinks().stream()
                    .filter(device -> onTheWire(vxlan.mtu()) > device.mtu())
                    .min((a, b) -> Integer.compare(a.mtu(), b.mtu()));
            narrow.ifPresent(device -> found.add(DoctorFinding.warning(
                    Check.MTU_FRAGMENTS,
                    vxlan.name(),
                    "a full-size packet of " + vxlan.name() + " (MTU " + vxlan.mtu() + ") has " + onTheWire(vxlan.mtu())
                            + " bytes in ESP, more than the MTU of " + device.name() + ", " + device.mtu()
                            + (overIpv6
                                    ? "; over IPv6 the kernel refuses such packets, and their senders must learn that"
                                    : made > 0 ? "; " + made + " fragments were made meanwhile" : "")
                            + "; MTU "
                            + fitting(device.mtu()) + " fits",
                    smaller(vxlan, device.mtu()))));
        }
        long espFragments = watch.rise("IpReasmOKs", "Ip6ReasmOKs");
        if (found.isEmpty() && espFragments >= Watch.SOME && watch.decrypted() > 0 && mayBeEsp()) {
            found.add(DoctorFinding.warning(
                    Check.MTU_FRAGMENTS,
                    "",
                    espFragments
                            + " packets came in fragments while ESP came in: somewhere on the way the MTU is smaller than"
                            + " full-size ESP needs",
                    "tracepath",
                    watch.senders().get(0)));
        }
        return found;
    }

    /** Whether fragments can be of ESP: of IPv4 the first one is seen, and is long. Of IPv6 none is seen. */
    private boolean mayBeEsp() {
        return !watch.packetsWatched()
                || overIpv6
                || watch.packets().stream()
                        .anyMatch(packet -> packet.isEsp() && !packet.outgoing() && packet.longest() > SHORT);
    }

    /**
     * The command that gives a network a smaller MTU. Docker makes a new one for that, and subtracts itself what VXLAN and
     * ESP add.
     *
     * @param mtu of the way
     */
    private String[] smaller(Vxlan vxlan, int mtu) {
        return watch.after().docker() == null
                ? new String[] {"ip", "link", "set", "dev", vxlan.name(), "mtu", Integer.toString(fitting(mtu))}
                : new String[] {
                    "docker",
                    "network",
                    "create",
                    "--driver",
                    "overlay",
                    "--opt",
                    "encrypted",
                    "--opt",
                    "com.docker.network.driver.mtu=" + mtu,
                    "NEW_NAME"
                };
    }

    private List<Device> uplinks() {
        List<String> names = watch.uplinks();
        return watch.after().devices().stream()
                .filter(device -> names.contains(device.name()))
                .toList();
    }

    /** Bytes of the outer IP packet that carries a full-size packet of a device with this MTU. */
    private int onTheWire(int mtu) {
        int carried = mtu + VXLAN_OVER_IPV4 - IPV4 + ESP_TRAILER;
        int padded = (carried + 3) / 4 * 4;
        return (overIpv6 ? IPV6 : IPV4) + ESP_IN_FRONT + padded + icv;
    }

    /** The largest MTU whose packets fit. */
    private int fitting(int mtu) {
        int inner = mtu;
        while (inner > 0 && onTheWire(inner) > mtu) {
            inner--;
        }
        return inner;
    }

    /** Bytes of the longest IP packet that carries an overlay's packet in ESP and need not be fragmented here; 0: none. */
    int longest() {
        int mtu = uplinks().stream().mapToInt(Device::mtu).min().orElse(0);
        return watch.encryptedDevices().stream()
                .mapToInt(vxlan -> Math.min(onTheWire(vxlan.mtu()), mtu))
                .max()
                .orElse(0);
    }

    private List<DoctorFinding> way() {
        List<DoctorFinding> found = new ArrayList<>();
        for (Probe probe : watch.probes()) {
            if (probe.mtu() > 0 && probe.mtu() < probe.bytes()) {
                found.add(DoctorFinding.warning(
                        Check.MTU_FRAGMENTS,
                        probe.peer(),
                        "the way to " + probe.peer() + " has an MTU of " + probe.mtu() + ", less than the "
                                + probe.bytes() + " bytes of a full-size packet in ESP; MTU " + fitting(probe.mtu())
                                + " fits",
                        "tracepath",
                        "-n",
                        probe.peer()));
            } else if (probe.small() > 1 && probe.full() == 0 && !sawLong(probe)) {
                found.add(DoctorFinding.error(
                        Check.MTU_BLACKHOLE,
                        probe.peer(),
                        probe.small() + " of 3 small pings to " + probe.peer() + " were answered, and none of "
                                + probe.bytes()
                                + " bytes, as long as a full-size packet in ESP; no router said that they are too long",
                        "tracepath",
                        "-n",
                        probe.peer()));
            }
        }
        return found;
    }

    /** Whether packets of about that length came from the peer, whatever becomes of pings; with esp4_offload, decrypted. */
    private boolean sawLong(Probe probe) {
        return watch.packets().stream()
                .anyMatch(packet -> !packet.outgoing()
                        && packet.source().equals(probe.peer())
                        && packet.longest() > probe.bytes() - 64);
    }

    /** Fragments may be of anything, unless those of the overlays must be. */
    private List<DoctorFinding> fragments(boolean ours) {
        long failed = watch.rise("IpReasmFails", "Ip6ReasmFails");
        if (failed == 0 || !watch.concernsEsp()) {
            return List.of();
        }
        String evidence = failed + " packets that came in fragments could not be put together again";
        String[] remedy = {"nstat", "-az", "IpReasmFails"};
        return List.of(DoctorFinding.errorIf(failed >= Watch.SOME && ours, Check.FRAGMENTS_LOST, "", evidence, remedy));
    }
}
