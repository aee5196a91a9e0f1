// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.docker.SwarmDetails;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.ForwardingEntry;
import org.csumbpf.loader.host.IpsecPolicy;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.ModprobeConfig;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Nftables;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.loader.host.NoSuchNamespaceException;
import org.csumbpf.loader.host.ReceiveDrops;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.UdpPort;
import org.csumbpf.loader.host.Xfrm;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.DropRule;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.HostSnapshot;
import org.csumbpf.snapshot.VxlanDevice;

/** Reads a {@link HostState}, and changes nothing. Each part may fail by itself; then the state says so. */
final class HostStateReader {
    private static final List<String> MODULES = List.of(
            "esp4", "esp6", "esp4_offload", "esp6_offload", "vxlan", "xt_u32", "xt_bpf", "xt_policy", "xt_mark");
    private static final Duration IPTABLES = Duration.ofSeconds(20);
    private static final List<Path> INSTALLED = List.of(Path.of("/usr/sbin"), Path.of("/sbin"));
    /** Docker's table, if it uses nftables itself (engine 29.6). */
    private static final String DOCKER_TABLE = "docker-overlay";

    /** As nft(8) lists it with -n, and without. */
    private static final Pattern NOT_DECRYPTED = Pattern.compile("\\b(ipsec|secpath) (0|missing)\\b");

    private static final Pattern ELEMENTS = Pattern.compile("elements = \\{([^}]*)}");

    private final NetworkNamespace netns;
    private final Path docker;
    private final Map<String, String> notRead = new TreeMap<>();
    /** Tens of thousands of forwarding entries have the addresses of a few hundred peers. */
    private final Map<InetAddress, String> texts = new HashMap<>();

    private HostStateReader(NetworkNamespace netns, Path docker) {
        this.netns = netns;
        this.docker = docker;
    }

    /**
     * @param netns to be judged
     * @param docker socket of the Docker engine
     * @param begins whether a watch begins with this state. What counts packets is read last then, else first: so all
     *     counts are of the same time
     */
    static HostState read(NetworkNamespace netns, Path docker, boolean begins) {
        HostStateReader reader = new HostStateReader(netns, docker);
        Optional<Counts> counts = begins ? Optional.empty() : Optional.of(reader.counts());
        return reader.state(counts);
    }

    /** What counts packets, but the firewall, which takes longest. */
    private record Counts(
            List<HostState.Association> associations,
            List<HostState.Vxlan> vxlans,
            List<HostState.Attachment> attachments,
            Map<String, Long> counters,
            Map<Integer, HostState.Socket> sockets) {}

    private Counts counts() {
        return new Counts(
                inside("IPsec SAs", List.of(), HostStateReader::associations),
                vxlans(true),
                part("attachments", List.of(), this::attachments),
                inside("counters", Map.of(), NetStatistics::counters),
                inside("UDP sockets", Map.of(), HostStateReader::sockets));
    }

    /** @param known the counts; empty: they are read last */
    private HostState state(Optional<Counts> known) {
        List<HostState.Policy> policies = inside("IPsec policies", List.of(), HostStateReader::policies);
        Set<Integer> ports = new TreeSet<>();
        known.map(Counts::vxlans).orElseGet(() -> vxlans(false)).forEach(vxlan -> ports.add(vxlan.port()));
        policies.stream()
                .map(HostState.Policy::destinationPort)
                .filter(port -> port != 0)
                .forEach(ports::add);
        List<HostState.Device> devices = inside("devices", List.of(), HostStateReader::devices);
        Map<String, String> modules = part("modules", Map.of(), HostStateReader::modules);
        Map<String, String> disabled =
                part("modprobe's configuration", Map.of(), () -> ModprobeConfig.disabled(MODULES));
        String harm = part(
                "what esp4_offload breaks",
                "",
                () -> HostSnapshot.take().harmAnywhere().get().orElse(""));
        HostState.Docker engine = docker();
        HostState.Firewall firewall = part("packet filters", HostState.Firewall.NONE, () -> firewall(ports));
        Counts counts = known.orElseGet(this::counts);
        return new HostState(
                netns.isCurrent() ? "" : netns.reference(),
                part("kernel", "", () -> KernelRelease.current().text()),
                devices,
                counts.associations(),
                policies,
                counts.vxlans(),
                counts.counters(),
                counts.sockets(),
                firewall,
                modules,
                disabled,
                harm,
                engine,
                counts.attachments(),
                notRead);
    }

    private <T> T inside(String what, T otherwise, Supplier<T> read) {
        return part(what, otherwise, () -> netns.call(read::get));
    }

    private <T> T part(String what, T otherwise, Supplier<T> read) {
        try {
            return read.get();
        } catch (RuntimeException e) {
            notRead.put(what, String.valueOf(e.getMessage()));
            return otherwise;
        }
    }

    private static List<HostState.Device> devices() {
        Map<Integer, List<String>> addresses = new HashMap<>();
        for (DeviceAddress address : Rtnetlink.addresses()) {
            addresses.computeIfAbsent(address.ifindex(), i -> new ArrayList<>()).add(text(address.address()));
        }
        List<HostState.Device> devices = new ArrayList<>();
        for (NetDevice device : Rtnetlink.devices()) {
            devices.add(new HostState.Device(
                    device.ifindex(),
                    device.name(),
                    device.kind(),
                    device.mtu(),
                    addresses.getOrDefault(device.ifindex(), List.of())));
        }
        return devices;
    }

    /** Without the number of a link-local address's device. */
    static String text(InetAddress address) {
        String text = address.getHostAddress();
        int scope = text.indexOf('%');
        return scope < 0 ? text : text.substring(0, scope);
    }

    private static List<HostState.Association> associations() {
        List<HostState.Association> found = new ArrayList<>();
        for (SecurityAssociation sa : Xfrm.associations()) {
            SecurityAssociation.Traffic traffic = sa.traffic();
            found.add(new HostState.Association(
                    String.format("0x%08x", sa.spi()),
                    sa.protocol(),
                    text(sa.source()),
                    text(sa.destination()),
                    sa.isTransport(),
                    sa.inUdp(),
                    Integer.toUnsignedLong(sa.mark()),
                    Integer.toUnsignedLong(sa.reqid()),
                    sa.icvBits(),
                    traffic.bytes(),
                    traffic.packets(),
                    traffic.late() + traffic.replays(),
                    traffic.integrityFailures()));
        }
        return found;
    }

    private static List<HostState.Policy> policies() {
        List<HostState.Policy> found = new ArrayList<>();
        for (IpsecPolicy policy : Xfrm.policies()) {
            found.add(new HostState.Policy(
                    policy.direction().name().toLowerCase(Locale.ROOT),
                    policy.protocol(),
                    policy.destinationPort(),
                    policy.source(),
                    policy.destination(),
                    Integer.toUnsignedLong(policy.mark()),
                    policy.transportEsp()));
        }
        return found;
    }

    private static Map<Integer, HostState.Socket> sockets() {
        Map<Integer, HostState.Socket> found = new TreeMap<>();
        UdpPort.all()
                .forEach((port, socket) -> found.put(
                        port, new HostState.Socket(socket.drops(), socket.holder() == UdpPort.Holder.PROCESS)));
        return found;
    }

    private static Map<String, String> modules() {
        Map<String, String> states = new TreeMap<>();
        for (String module : MODULES) {
            KernelModule.State state = KernelModule.state(module);
            // In a container, or if all is built in, there may be no files to tell.
            boolean known = state != KernelModule.State.UNAVAILABLE
                    || Files.isDirectory(
                            Path.of("/lib/modules", KernelRelease.current().text()));
            states.put(module, known ? state.name().toLowerCase(Locale.ROOT) : "unknown");
        }
        return states;
    }

    /** @param forwards whether with their forwarding entries, of which there may be tens of thousands */
    private List<HostState.Vxlan> vxlans(boolean forwards) {
        List<HostState.Vxlan> found =
                new ArrayList<>(inside("VXLAN devices", List.of(), () -> vxlansHere("", forwards)));
        Set<Long> seen = new HashSet<>(Set.of(netns.inode()));
        for (String path : NetworkNamespace.likely()) {
            try (NetworkNamespace other = NetworkNamespace.named(path)) {
                if (seen.add(other.inode())) {
                    found.addAll(other.call(() -> movedTo(path, forwards)));
                }
            } catch (NoSuchNamespaceException e) {
                continue; // the namespace is gone, or the path is something else
            } catch (KernelException e) {
                notRead.put("network namespace " + path, e.getMessage());
            }
        }
        return found;
    }

    /** Those that were made in the namespace that is judged: there may be others, of other hosts on the same machine. */
    private List<HostState.Vxlan> movedTo(String path, boolean forwards) {
        List<HostState.Vxlan> all = vxlansHere(path, forwards);
        if (all.isEmpty()) {
            return all;
        }
        Map<String, Integer> from = new HashMap<>();
        Rtnetlink.details("vxlan").forEach(details -> from.put(details.device().name(), details.lowerNetns()));
        int judged = netns.idHere();
        return all.stream()
                .filter(vxlan -> vxlan.moved() && judged >= 0 && from.getOrDefault(vxlan.name(), -1) == judged)
                .toList();
    }

    private List<HostState.Vxlan> vxlansHere(String path, boolean forwards) {
        List<VxlanDevice> devices = VxlanDevice.here();
        if (devices.isEmpty()) {
            return List.of();
        }
        List<ForwardingEntry> all = forwards ? Rtnetlink.forwardingEntries() : List.of();
        Map<Integer, List<HostState.Forwarding>> entries = all.stream()
                .collect(Collectors.groupingBy(
                        ForwardingEntry::ifindex,
                        Collectors.mapping(
                                entry -> new HostState.Forwarding(
                                        entry.station(),
                                        texts.computeIfAbsent(entry.destination(), HostStateReader::text),
                                        entry.permanent()),
                                Collectors.toList())));
        return devices.stream()
                .map(device -> new HostState.Vxlan(
                        path,
                        device.name(),
                        device.id(),
                        device.port(),
                        device.learning(),
                        device.moved(),
                        device.up(),
                        device.checksums(),
                        device.mtu(),
                        device.received(),
                        device.sent(),
                        device.unsent(),
                        entries.getOrDefault(device.ifindex(), List.of())))
                .toList();
    }

    private HostState.Firewall firewall(Set<Integer> ports) {
        List<HostState.Drop> drops = new ArrayList<>();
        Set<Integer> marked = new TreeSet<>();
        Set<Integer> guarded = new TreeSet<>();
        Map<Integer, Long> stopped = new TreeMap<>();
        boolean readable = true;
        try {
            String rules = netns.call(() -> Nftables.here().listText("ruleset"));
            for (int port : ports.isEmpty() ? Set.of(Config.DEFAULT_PORT) : ports) {
                for (DropRule rule : DropRule.parse(rules, port)) {
                    // Rules of iptables are read from iptables-save, which shows them whole.
                    HostState.Drop drop = new HostState.Drop(
                            rule.chain(), rule.rule(), rule.packets(), rule.namesPort(), rule.isForInvalid());
                    if (!isOfIptables(rule.chain(), rules)) {
                        drops.add(drop);
                    }
                }
            }
            if (rules.contains("table ip " + DOCKER_TABLE) || rules.contains("table ip6 " + DOCKER_TABLE)) {
                Set<Integer> vnis = dockersSet(rules.contains("table ip " + DOCKER_TABLE) ? "ip" : "ip6");
                marked.addAll(vnis);
                if (NOT_DECRYPTED.matcher(rules).find()) {
                    guarded.addAll(vnis);
                }
            }
        } catch (NftablesException | KernelException e) {
            notRead.put("nftables", e.getMessage());
            readable = false;
        }
        boolean legacy =
                inside("iptables-legacy", false, () -> ReceiveDrops.read().iptablesLegacy());
        Set<HostState.Drop> all = new LinkedHashSet<>(drops);
        for (String program : savers(legacy)) {
            Optional<String> saved = netns.output(List.of(program, "-c"), IPTABLES, false)
                    .filter(text -> !text.contains(" is incompatible, use 'nft' tool"));
            if (saved.isEmpty() && marked.isEmpty()) {
                // What it would have shown may be what is missed.
                readable = false;
            }
            if (saved.isEmpty() && INSTALLED.stream().anyMatch(folder -> Files.isExecutable(folder.resolve(program)))) {
                notRead.put(
                        program, "it fails, takes longer than " + IPTABLES.toSeconds() + " s, or leaves tables out");
            }
            saved.ifPresent(text -> {
                SavedRules rules = SavedRules.parse(text, program.startsWith("ip6") ? "ip6" : "ip", ports);
                all.addAll(rules.drops());
                marked.addAll(rules.marked());
                guarded.addAll(rules.guarded());
                rules.stopped().forEach((vni, packets) -> stopped.merge(vni, packets, Long::sum));
            });
        }
        return new HostState.Firewall(readable, List.copyOf(all), List.copyOf(marked), List.copyOf(guarded), stopped);
    }

    /** Docker may use another variant than the host's default. */
    private static List<String> savers(boolean legacy) {
        boolean nft = INSTALLED.stream().anyMatch(folder -> Files.isExecutable(folder.resolve("iptables-nft-save")));
        List<String> programs = new ArrayList<>(
                nft ? List.of("iptables-nft-save", "ip6tables-nft-save") : List.of("iptables-save", "ip6tables-save"));
        if (legacy) {
            programs.addAll(List.of("iptables-legacy-save", "ip6tables-legacy-save"));
        }
        return programs;
    }

    /** The tables that iptables-nft makes have these names. */
    private static boolean isOfIptables(String chain, String rules) {
        return chain.matches("ip6? (filter|mangle|raw|security|nat) .*") && rules.contains("xt ");
    }

    private Set<Integer> dockersSet(String family) {
        String text = netns.call(
                () -> Nftables.here().listElements("set " + family + " " + DOCKER_TABLE + " encrypted-vnis"));
        Matcher elements = ELEMENTS.matcher(text);
        Set<Integer> vnis = new TreeSet<>();
        if (elements.find()) {
            for (String element : elements.group(1).split(",")) {
                if (element.strip().matches("0x[0-9a-fA-F]{1,8}|0|[1-9]\\d{0,9}")) {
                    vnis.add((int) (Long.decode(element.strip()) & 0xff_ffff));
                }
            }
        }
        return vnis;
    }

    private HostState.Docker docker() {
        if (!Files.exists(docker)) {
            return null;
        }
        try {
            SwarmDetails details = SwarmDetails.read(docker);
            return new HostState.Docker(
                    details.version(),
                    details.engine().swarm(),
                    details.engine().address().map(HostStateReader::text).orElse(""),
                    details.engine().dataPathPort().orElse(0),
                    details.nodes(),
                    details.engine().networks().stream()
                            .map(network -> new HostState.Network(
                                    network.name(),
                                    network.vnis(),
                                    network.encrypted(),
                                    details.peers().getOrDefault(network.name(), Map.of())))
                            .toList());
        } catch (IOException e) {
            notRead.put("Docker at " + docker, String.valueOf(e.getMessage()));
            return null;
        }
    }

    private List<HostState.Attachment> attachments() {
        return AttachmentReader.all(Optional.of(netns), AttachmentReader.Peers.EACH).stream()
                .map(HostStateReader::attachment)
                .toList();
    }

    private static HostState.Attachment attachment(AttachmentView view) {
        Counters tc = view.contents().map(AttachmentView.Contents::sum).orElse(Counters.NONE);
        BackstopCounters afterTc = view.backstop().map(BackstopView::sum).orElse(BackstopCounters.NONE);
        return new HostState.Attachment(
                view.ifname(),
                view.port().map(AttachmentView.Port::number).orElse(0),
                view.state() == AttachmentView.State.ATTACHED,
                packets(tc, Outcome.REPAIRED)
                        + afterTc.get(BackstopOutcome.REPAIRED).packets(),
                packets(tc, Outcome.BAD) + afterTc.get(BackstopOutcome.UNJUDGED).packets(),
                packets(tc, Outcome.FAILED, Outcome.OVERSIZE, Outcome.CORRUPT)
                        + afterTc.get(BackstopOutcome.FAILED).packets(),
                packets(tc, Outcome.GOOD) + afterTc.get(BackstopOutcome.GOOD).packets(),
                plaintext(view),
                problems(view.findings()),
                senders(view.peers()),
                view.before());
    }

    private static List<HostState.Sender> senders(PeerTable peers) {
        List<HostState.Sender> senders = new ArrayList<>();
        peers.forEach(row -> {
            PeerKey key = row.key();
            Peer peer = row.peer();
            senders.add(new HostState.Sender(
                    key.vni().value(),
                    text(key.source()),
                    text(key.destination()),
                    peer.packets(),
                    peer.bad(),
                    peer.delta(),
                    peer.checkedNanos(),
                    peer.trusted()));
        });
        return senders;
    }

    private static Map<Integer, Long> plaintext(AttachmentView view) {
        Map<Integer, Long> found = new TreeMap<>();
        view.contents()
                .ifPresent(contents -> contents.counters()
                        .forEach((vni, counters) ->
                                found.put(vni.value(), packets(counters, Outcome.PLAINTEXT, Outcome.DROPPED))));
        return found;
    }

    private static long packets(Counters counters, Outcome... outcomes) {
        long sum = 0;
        for (Outcome outcome : outcomes) {
            sum += counters.get(outcome).packets();
        }
        return sum;
    }

    private static List<HostState.Problem> problems(Collection<Finding> findings) {
        return findings.stream()
                .filter(finding -> finding.severity() == Finding.Severity.PROBLEM)
                .map(finding -> new HostState.Problem(
                        finding.id().label(),
                        finding.evidence(),
                        finding.remedies().stream()
                                .map(remedy -> remedy.command())
                                .filter(command -> !command.isEmpty())
                                .findFirst()
                                .orElse(List.of()),
                        finding.fix().orElse(null)))
                .toList();
    }
}
