// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.csumbpf.snapshot.Fix;

/**
 * A host at one moment, as far as the doctor judges it. Only values: a bundle holds it as JSON, and a state from a bundle
 * is judged like one that was just read. Addresses are text as {@link java.net.InetAddress#getHostAddress} writes them.
 * Counters count since the object that has them was made. The keys of SAs are never read.
 *
 * @param netns the network namespace that is judged, as --netns takes it; empty: the caller's own
 * @param kernel its release
 * @param devices of the network namespace that is judged
 * @param associations its SAs
 * @param policies its IPsec policies
 * @param vxlans VXLAN devices of that namespace, and those whose socket is in it
 * @param counters of the network namespace, by nstat(8)'s name: UdpInCsumErrors, XfrmInNoStates, …; and
 *     {@code NfConntrackInvalid}, the packets that conntrack found invalid (conntrack -S)
 * @param sockets UDP sockets by local port, in host order
 * @param firewall rules that can drop VXLAN, and those of Docker
 * @param modules the state of each kernel module that matters: loaded, built_in, loadable, unavailable
 * @param disabled modules that the configuration of modprobe(8) keeps from being loaded, with its file and line
 * @param offloadHarm what esp4_offload breaks, in words; empty: nothing that is known
 * @param docker what the Docker engine says; null: it was not asked, or did not answer
 * @param attachments of csumbpf in this namespace
 * @param notRead what could not be read, and why; whatever it would have said is missing
 */
public record HostState(
        String netns,
        String kernel,
        List<Device> devices,
        List<Association> associations,
        List<Policy> policies,
        List<Vxlan> vxlans,
        Map<String, Long> counters,
        Map<Integer, Socket> sockets,
        Firewall firewall,
        Map<String, String> modules,
        Map<String, String> disabled,
        String offloadHarm,
        Docker docker,
        List<Attachment> attachments,
        Map<String, String> notRead) {
    public HostState {
        netns = text(netns);
        kernel = text(kernel);
        devices = list(devices);
        associations = list(associations);
        policies = list(policies);
        vxlans = list(vxlans);
        counters = map(counters);
        sockets = map(sockets);
        firewall = firewall == null ? Firewall.NONE : firewall;
        modules = map(modules);
        disabled = map(disabled);
        offloadHarm = text(offloadHarm);
        attachments = list(attachments);
        notRead = map(notRead);
    }

    /**
     * A network device.
     *
     * @param kind IFLA_INFO_KIND; empty for physical devices
     * @param mtu bytes
     * @param addresses IPv4 and IPv6
     */
    public record Device(int ifindex, String name, String kind, int mtu, List<String> addresses) {
        public Device {
            name = text(name);
            kind = text(kind);
            addresses = list(addresses);
        }
    }

    /**
     * An SA (RFC 4301 section 4.4.2; {@code struct xfrm_usersa_info}).
     *
     * @param spi as {@code 0x00001001}
     * @param protocol IP protocol number: 50 is ESP, 108 IPComp
     * @param transport whether it has transport mode
     * @param inUdp ESP in UDP, for NAT traversal
     * @param mark XFRMA_MARK's value; 0: none
     * @param reqid 0: none
     * @param icvBits length of the integrity check value that its algorithm appends; 0: not known
     * @param bytes that it has carried
     * @param packets that it has carried; inbound: decrypted and authentic
     * @param replays packets that it refused as replayed ({@code struct xfrm_stats})
     * @param unauthentic packets that it refused because their integrity check failed
     */
    public record Association(
            String spi,
            int protocol,
            String source,
            String destination,
            boolean transport,
            boolean inUdp,
            long mark,
            long reqid,
            int icvBits,
            long bytes,
            long packets,
            long replays,
            long unauthentic) {
        public Association {
            spi = text(spi);
            source = text(source);
            destination = text(destination);
        }

        boolean isTransportEsp() {
            return protocol == 50 && transport;
        }

        /** What names an SA, also at another moment (RFC 4301 section 4.1). */
        record Id(String spi, String destination, int protocol) {}

        Id id() {
            return new Id(spi, destination, protocol);
        }
    }

    /**
     * A policy (RFC 4301 section 4.4.1; {@code struct xfrm_userpolicy_info}).
     *
     * @param direction in, out or fwd
     * @param protocol IP protocol number of its selector; 0: any
     * @param destinationPort of its selector, in host order; 0: any, or a range
     * @param source of its selector, with prefix length
     * @param destination of its selector, with prefix length
     * @param mark XFRMA_MARK's value; 0: none
     * @param transportEsp whether it asks for ESP in transport mode
     */
    public record Policy(
            String direction,
            int protocol,
            int destinationPort,
            String source,
            String destination,
            long mark,
            boolean transportEsp) {
        public Policy {
            direction = text(direction);
            source = text(source);
            destination = text(destination);
        }
    }

    /**
     * A VXLAN device.
     *
     * @param netns where it is; empty: in the namespace that is judged
     * @param port UDP port, in host order
     * @param learning whether it compares a packet's source with the forwarding entry of its sender
     * @param checksums whether it sends UDP checksums over IPv4
     * @param mtu bytes
     * @param received packets
     * @param sent packets
     * @param unsent packets that it was to send and could not: no entry, no route, or a packet filter
     */
    public record Vxlan(
            String netns,
            String name,
            long vni,
            int port,
            boolean learning,
            boolean moved,
            boolean up,
            boolean checksums,
            int mtu,
            long received,
            long sent,
            long unsent,
            List<Forwarding> forwarding) {
        public Vxlan {
            netns = text(netns);
            name = text(name);
            forwarding = list(forwarding);
        }

        boolean isSame(Vxlan other) {
            return netns.equals(other.netns) && name.equals(other.name) && vni == other.vni;
        }
    }

    /** An entry of a VXLAN device's forwarding table, as bridge(8) shows it. */
    public record Forwarding(String station, String destination, boolean permanent) {
        public Forwarding {
            station = text(station);
            destination = text(destination);
        }
    }

    /**
     * The UDP sockets of a port.
     *
     * @param drops datagrams that they have dropped
     * @param process whether one belongs to a process; a tunnel device's belongs to the kernel
     */
    public record Socket(long drops, boolean process) {}

    /**
     * What packet filters do to VXLAN.
     *
     * @param readable whether all rules could be read: without one, none may be called missing
     * @param drops rules that drop received packets
     * @param marked VNIs whose packets Docker's rules mark for encryption
     * @param guarded VNIs that Docker's rules drop if they come in unencrypted
     * @param stopped packets that those rules have dropped, by VNI; without VNIs of which that is not known
     */
    public record Firewall(
            boolean readable,
            List<Drop> drops,
            List<Integer> marked,
            List<Integer> guarded,
            Map<Integer, Long> stopped) {
        static final Firewall NONE = new Firewall(false, List.of(), List.of(), List.of(), Map.of());

        public Firewall {
            drops = list(drops);
            marked = list(marked);
            guarded = list(guarded);
            stopped = map(stopped);
        }
    }

    /**
     * A rule, or the policy of a chain, that drops.
     *
     * @param chain family, table and name
     * @param rule as nft(8) lists it; empty: the chain's policy
     * @param packets that it has dropped; -1: it does not count
     * @param namesPort whether it names a port of VXLAN
     * @param invalid whether it drops what conntrack calls invalid
     */
    public record Drop(String chain, String rule, long packets, boolean namesPort, boolean invalid) {
        public Drop {
            chain = text(chain);
            rule = text(rule);
        }

        /** The same rule at another moment. */
        String key() {
            return chain + " " + rule.replaceAll("counter packets \\d+ bytes \\d+", "counter");
        }
    }

    /**
     * A Docker engine (Docker Engine API: GET /info, /networks, /nodes).
     *
     * @param version of the engine
     * @param swarm whether the node is in a Swarm
     * @param address that the other nodes know it by; empty: not known
     * @param dataPathPort 0: a worker's engine does not tell
     * @param nodes addresses of the Swarm's nodes by their names; a worker's engine does not tell
     */
    public record Docker(
            String version,
            boolean swarm,
            String address,
            int dataPathPort,
            Map<String, String> nodes,
            List<Network> networks) {
        public Docker {
            version = text(version);
            address = text(address);
            nodes = map(nodes);
            networks = list(networks);
        }
    }

    /**
     * An overlay network.
     *
     * @param peers addresses of the nodes that have a container in it, by their names
     */
    public record Network(String name, List<Integer> vnis, boolean encrypted, Map<String, String> peers) {
        public Network {
            name = text(name);
            vnis = list(vnis);
            peers = map(peers);
        }
    }

    /**
     * An attachment of csumbpf.
     *
     * @param device its name
     * @param live whether the kernel runs the program
     * @param repaired packets that it and its backstop repaired
     * @param observed packets with a wrong checksum that stayed, because its mode is observe
     * @param failed packets that it could not repair
     * @param right packets whose checksum was right
     * @param plaintextOf packets that IPsec did not decrypt, by the VNIs that have rules of their own
     * @param problems what 'csumbpf status' finds wrong
     * @param peers senders that the program remembers
     * @param ahead what runs before the program on its hook, and may end the chain
     */
    public record Attachment(
            String device,
            int port,
            boolean live,
            long repaired,
            long observed,
            long failed,
            long right,
            Map<Integer, Long> plaintextOf,
            List<Problem> problems,
            List<Sender> peers,
            List<String> ahead) {
        public Attachment {
            device = text(device);
            plaintextOf = map(plaintextOf);
            problems = list(problems);
            peers = list(peers);
            ahead = list(ahead);
        }
    }

    /**
     * Something wrong with an attachment.
     *
     * @param id of the finding, as 'csumbpf status --json' has it
     * @param evidence in one line, without the remedy
     * @param remedy a command; empty: none is known
     * @param fix what csumbpf itself may do about it; null: nothing. Not in a bundle, because it is for this host only
     */
    @JsonIgnoreProperties("fix")
    public record Problem(String id, String evidence, List<String> remedy, Fix fix) {
        public Problem {
            id = text(id);
            evidence = text(evidence);
            remedy = list(remedy);
        }

        /** One that csumbpf itself can do nothing about. */
        public Problem(String id, String evidence, List<String> remedy) {
            this(id, evidence, remedy, null);
        }
    }

    /**
     * A sender that the program remembers.
     *
     * @param delta what NAT does to its checksums; 0: not known, 65535: nothing
     * @param checked when a checksum was last computed, nanoseconds of CLOCK_MONOTONIC
     * @param trusted whether the packets that were computed last agreed on the delta
     */
    public record Sender(
            int vni,
            String source,
            String destination,
            long packets,
            long bad,
            int delta,
            long checked,
            boolean trusted) {
        public Sender {
            source = text(source);
            destination = text(destination);
        }

        boolean isSame(Sender other) {
            return vni == other.vni && source.equals(other.source) && destination.equals(other.destination);
        }
    }

    private static String text(String value) {
        return value == null ? "" : value;
    }

    private static <T> List<T> list(List<T> value) {
        if (value == null) {
            return List.of();
        }
        return value.stream().filter(element -> element != null).toList();
    }

    private static <K, V> Map<K, V> map(Map<K, V> value) {
        if (value == null) {
            return Map.of();
        }
        Map<K, V> copy = new TreeMap<>(value);
        copy.values().removeIf(element -> element == null);
        return Collections.unmodifiableMap(copy);
    }
}
