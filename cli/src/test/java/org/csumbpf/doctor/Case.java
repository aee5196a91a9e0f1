// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.csumbpf.doctor.HostState.Association;
import org.csumbpf.doctor.HostState.Attachment;
import org.csumbpf.doctor.HostState.Device;
import org.csumbpf.doctor.HostState.Docker;
import org.csumbpf.doctor.HostState.Drop;
import org.csumbpf.doctor.HostState.Firewall;
import org.csumbpf.doctor.HostState.Forwarding;
import org.csumbpf.doctor.HostState.Network;
import org.csumbpf.doctor.HostState.Policy;
import org.csumbpf.doctor.HostState.Problem;
import org.csumbpf.doctor.HostState.Sender;
import org.csumbpf.doctor.HostState.Socket;
import org.csumbpf.doctor.HostState.Vxlan;

/**
 * A host that is made up: 10.99.0.2 with an encrypted overlay to 203.0.113.2, as Docker makes it. Ten pings came and were
 * answered meanwhile, and all is well, until a test changes something.
 */
final class Case {
    static final String OWN = "10.99.0.2";
    static final String PEER = "203.0.113.2";
    static final int VNI = 4097;
    static final long MARK = 0xd0c4e3;

    String place = "";
    String kernel = "6.12.1";
    int mtu = 1500;
    int overlayMtu = 1424;
    List<Device> devices;
    String saIn = OWN;
    boolean saInGone;
    boolean saOutGone;
    boolean inUdp;
    long in = 10;
    long inBefore = 50;
    boolean countersBefore = true;
    List<Association> others = new ArrayList<>();
    long out = 10;
    long replays;
    long unauthentic;
    int policyPort = 4789;
    boolean policyGone;
    List<Policy> policies = new ArrayList<>();
    List<Vxlan> vxlans = new ArrayList<>();
    String deviceName = "vx-001001-abcde";
    String netns = "/run/docker/netns/1-abc";
    int port = 4789;
    boolean up = true;
    boolean deviceGone;
    long received = 10;
    long unsent;
    String forwardsTo = PEER;
    Map<String, Long> counters = new HashMap<>(Map.of("UdpInDatagrams", 10L));
    Map<Integer, Socket> sockets = new HashMap<>(Map.of(4789, new Socket(0, false)));
    boolean firewallReadable = true;
    List<Drop> drops = new ArrayList<>();
    List<Drop> dropsBefore = new ArrayList<>();
    List<Integer> marked = new ArrayList<>(List.of(VNI));
    List<Integer> guarded = new ArrayList<>(List.of(VNI));
    long stopped;
    Map<String, String> modules = new HashMap<>(Map.of("esp4", "loaded", "esp4_offload", "loadable"));
    Map<String, String> disabled = new HashMap<>();
    String harm = "";
    Docker docker;
    List<Attachment> before = new ArrayList<>();
    List<Attachment> attachments = new ArrayList<>();
    Map<String, String> notRead = new HashMap<>();
    List<Probe> probes = new ArrayList<>();
    List<Seen> seen =
            new ArrayList<>(List.of(esp(false, PEER, OWN, "0x00001001", 10), esp(true, OWN, PEER, "0x00001002", 10)));

    static Seen esp(boolean outgoing, String source, String destination, String spi, long packets) {
        return new Seen("eth0", outgoing, source, destination, spi, -1, packets, 152);
    }

    static Seen vxlan(boolean outgoing, String source, String destination, long packets) {
        return new Seen("eth0", outgoing, source, destination, "", VNI, packets, 134);
    }

    /** A policy as IKE makes it. */
    static Policy ike(int port, String destination) {
        return new Policy("out", 17, port, OWN + "/32", destination, 0, true);
    }

    /** Another VXLAN device, with an entry for this host. */
    static Vxlan other(String name, long vni, int port, String forwardsTo) {
        return new Vxlan(
                "",
                name,
                vni,
                port,
                false,
                false,
                true,
                true,
                1450,
                0,
                0,
                0,
                List.of(new Forwarding("66:00:00:00:00:01", forwardsTo, true)));
    }

    /** Without Docker: what there is of IPsec, others have made. */
    void withoutDocker() {
        marked.clear();
        guarded.clear();
        policyGone = true;
        saInGone = true;
        saOutGone = true;
        in = 0;
        out = 0;
        received = 0;
        seen = List.of();
    }

    /** An SA of somebody else, made meanwhile. */
    static Association other(String spi, String source, String destination, long packets) {
        return new Association(spi, 50, source, destination, true, false, 0, 1, 128, 0, packets, 0, 0);
    }

    /** An engine that knows the overlay as its encrypted network "back". */
    static Docker dockerWithNetworkBack() {
        return new Docker(
                "28.5.2", true, OWN, 4789, Map.of(), List.of(new Network("back", List.of(VNI), true, Map.of())));
    }

    static Attachment attachment(long repaired, Problem... problems) {
        return new Attachment("eth0", 4789, true, repaired, 0, 0, 0, Map.of(), List.of(problems), List.of(), List.of());
    }

    static Attachment left(Attachment attachment, long packets) {
        return new Attachment("eth0", 4789, true, 0, 0, packets, 0, Map.of(), List.of(), attachment.peers(), List.of());
    }

    static Attachment plaintext(long packets) {
        return new Attachment("eth0", 4789, true, 0, 0, 0, 0, Map.of(VNI, packets), List.of(), List.of(), List.of());
    }

    static Attachment sender(int delta, long bad, boolean trusted) {
        return new Attachment(
                "eth0",
                4789,
                true,
                0,
                0,
                0,
                0,
                Map.of(),
                List.of(),
                List.of(new Sender(VNI, PEER, OWN, 2 * bad, bad, delta, bad, trusted)),
                List.of());
    }

    /** An attachment that sees nothing, behind something else on its hook. */
    static Attachment behind(String ahead) {
        return new Attachment("eth0", 4789, true, 0, 0, 0, 0, Map.of(), List.of(), List.of(), List.of(ahead));
    }

    private Map<String, Long> zeros() {
        Map<String, Long> zeros = new HashMap<>();
        counters.keySet().forEach(counter -> zeros.put(counter, 0L));
        return zeros;
    }

    private HostState state(boolean later) {
        List<Association> associations = new ArrayList<>();
        if (!saInGone) {
            associations.add(new Association(
                    "0x00001001",
                    50,
                    PEER,
                    saIn,
                    true,
                    inUdp,
                    0,
                    MARK,
                    64,
                    0,
                    later ? inBefore + in : inBefore,
                    later ? replays : 0,
                    later ? unauthentic : 0));
        }
        if (!saOutGone) {
            associations.add(new Association(
                    "0x00001002",
                    50,
                    saIn.equals(OWN) ? OWN : saIn,
                    PEER,
                    true,
                    inUdp,
                    0,
                    MARK,
                    64,
                    0,
                    later ? 70 + out : 70,
                    0,
                    0));
        }
        if (later) {
            associations.addAll(others);
        }
        return new HostState(
                place,
                kernel,
                devices == null
                        ? List.of(
                                new Device(1, "lo", "", 65536, List.of("127.0.0.1")),
                                new Device(2, "eth0", "", mtu, List.of(OWN)))
                        : devices,
                associations,
                allPolicies(),
                allVxlans(later),
                later ? counters : countersBefore ? zeros() : Map.of(),
                later ? sockets : Map.of(),
                new Firewall(
                        firewallReadable,
                        later ? drops : dropsBefore,
                        marked,
                        guarded,
                        Map.of(VNI, later ? stopped + 5 : 5L)),
                modules,
                disabled,
                harm,
                docker,
                later ? attachments : before,
                later ? notRead : Map.of());
    }

    private List<Policy> allPolicies() {
        List<Policy> all = new ArrayList<>(policies);
        if (!policyGone) {
            all.add(new Policy("out", 17, policyPort, OWN + "/32", PEER + "/32", MARK, true));
        }
        return all;
    }

    private List<Vxlan> allVxlans(boolean later) {
        List<Vxlan> all = new ArrayList<>(vxlans);
        if (deviceGone) {
            return all;
        }
        all.add(new Vxlan(
                netns,
                deviceName,
                VNI,
                port,
                true,
                !netns.isEmpty(),
                up,
                true,
                overlayMtu,
                later ? 100 + received : 100,
                0,
                later ? 7 + unsent : 7,
                List.of(
                        new Forwarding("02:42:0a:00:09:01", forwardsTo, true),
                        new Forwarding("00:00:00:00:00:00", PEER, true))));
        return all;
    }

    Watch watch() {
        return new Watch(state(false), state(true), 10, seen, probes);
    }

    List<DoctorFinding> findings() {
        return Doctor.examine(watch());
    }

    List<String> errors() {
        return findings().stream()
                .filter(DoctorFinding::isError)
                .map(finding -> finding.check().id())
                .distinct()
                .toList();
    }

    List<String> with(DoctorFinding.Severity severity) {
        return findings().stream()
                .filter(finding -> finding.severity() == severity)
                .map(finding -> finding.check().id())
                .distinct()
                .toList();
    }
}
