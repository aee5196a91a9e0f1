// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.ClsactFilter;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.Ethtool;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;

/**
 * Two hosts in a {@link PrivateWorld}: the lab, on which the command works, and a peer that holds the other end of w1
 * and sends packets. Checks them by other means than the product's: the kernel's lists of hooks, tc, nft, sockets.
 */
final class FaultWorld implements AutoCloseable {
    static final Path BPFFS = Bpffs.DEFAULT;
    private static final Path ROOT = BPFFS.resolve("csumbpf");
    /** Priority and handle of csumbpf's filter, as in ARCHITECTURE.md. */
    private static final int PRIORITY = 17;

    private static final int HANDLE = 0x12b5;

    /** Offset of netns_cookie in struct csumbpf_attachment (bpf/csumbpf.h). */
    private static final int COOKIE = 24;

    final Lab lab = new Lab(false);
    /** Cookies of the namespaces that may have had attachments. */
    final Set<Long> cookies = new HashSet<>();

    private final String peer = lab.name + "-peer";
    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<String> others = new ArrayList<>();
    private Process probe;
    /** The namespace of w1; null: it was deleted. */
    private String home = lab.name;

    FaultWorld() {
        cookies.add(lab.call(() -> NetworkNamespace.cookieOfThread().orElseThrow()));
        Lab.ip("netns", "add", peer);
        lab.ipIn("link", "set", "w0", "netns", peer);
        ip(peer, "addr", "add", "10.9.0.2/24", "dev", "w0");
        ip(peer, "link", "set", "w0", "up");
        lab.ipIn("addr", "add", "10.9.0.1/24", "dev", "w1");
        String mac = Shell.run("ip", "-n", lab.name, "-br", "link", "show", "w1")
                .ok()
                .out()
                .strip()
                .split("\\s+")[2];
        ip(peer, "neigh", "add", "10.9.0.1", "lladdr", mac, "dev", "w0");
        String back = Shell.run("ip", "-n", peer, "-br", "link", "show", "w0")
                .ok()
                .out()
                .strip()
                .split("\\s+")[2];
        lab.ipIn("neigh", "add", "10.9.0.2", "lladdr", back, "dev", "w1");
    }

    static void ip(String netns, String... arguments) {
        Shell.run(Shell.join(new String[] {"ip", "-n", netns}, arguments)).ok();
    }

    /** Closes the resource with the world. */
    <T extends AutoCloseable> T keep(T resource) {
        open.add(resource);
        return resource;
    }

    /**
     * Runs the command in this JVM.
     *
     * @param words see {@link #arguments}
     */
    Shell.Result csumbpf(String words) {
        return Shell.here(arguments(words));
    }

    /**
     * Splits the words. They get {@code --netns} of the lab unless they have {@code --netns} or {@code --all}; OTHER
     * stands for the other namespace.
     */
    String[] arguments(String words) {
        String[] arguments = words.split(" ");
        return words.contains("--all") || words.contains("--netns")
                ? words.replace("OTHER", lab.name + "-other").split(" ")
                : Shell.join(new String[] {"--netns", lab.name}, arguments);
    }

    /** The other namespace, created at first use. It may have its own w0 and w1. */
    String other() {
        String name = lab.name + "-other";
        if (!others.contains(name)) {
            Lab.ip("netns", "add", name);
            others.add(name);
            cookies.add(call(name, () -> NetworkNamespace.cookieOfThread().orElseThrow()));
        }
        return name;
    }

    /** Moves w1 to the other namespace, then restores its state: up, with its address. */
    void move() {
        endProbe();
        String to = other();
        lab.ipIn("link", "set", "w1", "netns", to);
        ip(to, "link", "set", "w1", "up");
        ip(to, "addr", "add", "10.9.0.1/24", "dev", "w1");
        home = to;
    }

    void deleteDevice() {
        endProbe();
        lab.ipIn("link", "del", "w1");
        home = null;
    }

    /** The answer of {@code tests/faults/probe.py}; empty if there is no w1. */
    String packets() {
        if (home == null) {
            return "";
        }
        try {
            if (probe == null) {
                probe = new ProcessBuilder(
                                Shell.CHECKOUT.resolve("tests/faults/probe.py").toString(), home, peer)
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
            }
            OutputStream in = probe.getOutputStream();
            in.write('\n');
            in.flush();
            String line = reader().readLine();
            if (line == null) {
                throw new AssertionError("probe.py ended");
            }
            return line;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private BufferedReader reader;

    private BufferedReader reader() {
        if (reader == null) {
            reader = probe.inputReader(StandardCharsets.UTF_8);
        }
        return reader;
    }

    private void endProbe() {
        if (probe != null) {
            probe.destroyForcibly();
            try {
                probe.waitFor();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            probe = null;
            reader = null;
        }
    }

    /** What happens to packets, and the status of each attachment by namespace and interface. */
    record Seen(String packets, Map<String, Reported> attachments) {}

    /**
     * The status of one attachment.
     *
     * @param rules with their port
     * @param rest hook, backstop, what attach changed on the host
     */
    record Reported(String state, String rules, String rest, String problems) {}

    Seen observe() {
        JsonNode status = status();
        Map<String, Reported> reported = new TreeMap<>();
        for (JsonNode a : status.get("attachments")) {
            StringBuilder rules = new StringBuilder("port " + a.get("port"));
            if (a.get("rules") != null) {
                a.get("rules").forEach(rule -> rules.append(' ').append(rule));
            }
            reported.put(
                    a.get("netns_name").asText().replace(lab.name, "lab") + "/"
                            + a.get("interface").asText(),
                    new Reported(
                            a.get("state").asText(),
                            rules.toString(),
                            a.get("hook") + " " + a.get("backstop") + " " + a.get("host_changes"),
                            a.get("problems").toString().replace(lab.name, "lab")));
        }
        return new Seen(packets(), reported);
    }

    JsonNode status() {
        Shell.Result result = Shell.here("status", "--json");
        JsonNode status = Host.parse(result.out());
        result.ended(status.get("amiss").asBoolean() ? 9 : 0);
        return status;
    }

    /** The contradictions between status and what the kernel, tc and nft report. */
    List<String> lies() {
        List<String> lies = new ArrayList<>();
        JsonNode status = status();
        boolean moved = status.toString().contains("\"state\":\"moved\""); // its program runs in another namespace
        for (String netns : namespaces()) {
            String ruleset = Shell.run("nsenter", "--net=/run/netns/" + netns, "nft", "list", "ruleset")
                    .ok()
                    .out();
            boolean backstopReported = false;
            boolean changeReported = false;
            List<String> attached = new ArrayList<>();
            for (JsonNode a : status.get("attachments")) {
                if (!a.get("netns_name").asText().equals(netns)) {
                    continue;
                }
                boolean isAttached = a.get("state").asText().equals("attached");
                boolean on = a.at("/backstop/state").asText().equals("on");
                backstopReported |= on;
                changeReported |= a.get("host_changes").toString().contains("nftables")
                        || !a.get("problems").isEmpty();
                if (isAttached) {
                    attached.add(a.get("interface").asText() + " " + a.get("program_id"));
                }
                if (on && !ruleset.matches("(?s).*table ip csumbpf \\{.*\\b[a-z0-9_]*" + a.get("ifindex") + "\\b.*")) {
                    lies.add("backstop on, and nft has none for ifindex " + a.get("ifindex"));
                }
                boolean gro = home != null
                        && home.equals(netns)
                        && call(netns, () -> Ethtool.gro("w1"))
                        && a.get("interface").asText().equals("w1");
                if (gro && !groBefore && !a.get("host_changes").toString().contains("gro")) {
                    lies.add("GRO of w1 is on, which host_changes does not report");
                }
            }
            if (ruleset.contains("csumbpf") && !backstopReported && !changeReported) {
                lies.add("nft has a table csumbpf in " + netns + ", which status does not report");
            }
            List<String> hooked = hooked(netns);
            if (!moved && !hooked.equals(attached)) {
                lies.add("attached is " + hooked + " and not " + attached);
            }
        }
        return lies;
    }

    boolean groBefore;

    /** Our programs that the kernel runs on w1 and w3, as "DEVICE ID". */
    private static List<String> hooked(String netns) {
        return call(netns, () -> {
            List<String> hooked = new ArrayList<>();
            for (String name : List.of("w1", "w3")) {
                Rtnetlink.device(name).map(NetDevice::ifindex).ifPresent(ifindex -> {
                    List<Integer> ids = new ArrayList<>(TcxLink.query(ifindex));
                    ClsactFilter.query(ifindex, PRIORITY, HANDLE).ifPresent(filter -> ids.add(filter.programId()));
                    for (int id : ids) {
                        try (BpfProgram program = BpfProgram.fromId(id).orElseThrow()) {
                            if (program.info().name().equals("csumbpf")) {
                                hooked.add(name + " " + id);
                            }
                        }
                    }
                });
            }
            return hooked;
        });
    }

    /** Everything that could be left behind, one line each: mount, pins, hooks, qdiscs, filters, nftables, GRO. */
    List<String> host() {
        List<String> host = new ArrayList<>();
        host.add("bpffs mounted: " + Bpffs.isMounted(BPFFS));
        try (Stream<Path> files = Files.exists(ROOT) ? Files.walk(ROOT) : Stream.empty()) {
            files.forEach(file -> host.add(file.toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (String netns : namespaces()) {
            call(netns, () -> {
                for (String name : List.of("w1", "w3", "lo")) {
                    Rtnetlink.device(name).ifPresent(device -> {
                        String where = netns + "/" + name + ": ";
                        TcxLink.query(device.ifindex()).forEach(id -> host.add(where + "tcx program " + id));
                        Rtnetlink.ingressQdiscs(device.ifindex()).forEach(qdisc -> host.add(where + qdisc));
                        for (boolean egress : new boolean[] {false, true}) {
                            Rtnetlink.filters(device.ifindex(), egress).forEach(filter -> host.add(where + filter));
                        }
                        host.add(where + "GRO " + (name.equals("lo") || Ethtool.gro(name)));
                    });
                }
                return null;
            });
            host.add(netns + ": "
                    + Shell.run("nsenter", "--net=/run/netns/" + netns, "nft", "list", "ruleset")
                            .ok()
                            .out());
        }
        return host;
    }

    /**
     * The records that the kernel still holds of attachments in these namespaces. A program and its record hold each
     * other, so without a record nothing of an attachment is left. Tests that run in parallel have other cookies.
     */
    static List<Integer> records(Set<Long> cookies) {
        List<Integer> left = new ArrayList<>();
        for (JsonNode map :
                Host.parse(Shell.run("bpftool", "-j", "map", "show").ok().out())) {
            if (!map.path("name").asText().equals("attachment")) {
                continue;
            }
            RawMap.fromId(map.get("id").asInt()).ifPresent(record -> {
                try (record) {
                    ByteBuffer value =
                            ByteBuffer.allocateDirect(record.valueBufferSize()).order(ByteOrder.nativeOrder());
                    record.lookup(ByteBuffer.allocateDirect(4), value);
                    if (cookies.contains(value.getLong(COOKIE))) {
                        left.add(record.info().id());
                    }
                }
            });
        }
        return left;
    }

    /** This process's descriptors of BPF objects and namespaces. A command that runs in it must leave none. */
    static List<String> descriptors() {
        List<String> descriptors = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : all.toList()) {
                readLink(descriptor)
                        .filter(target -> target.matches("(anon_inode:bpf|/run/|net:|/proc/.*/ns/).*"))
                        .ifPresent(descriptors::add);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        descriptors.sort(null);
        return descriptors;
    }

    private static Optional<String> readLink(Path path) {
        try {
            return Optional.of(Files.readSymbolicLink(path).toString());
        } catch (IOException e) {
            return Optional.empty(); // the descriptor of the listing itself
        }
    }

    private List<String> namespaces() {
        List<String> all = new ArrayList<>(List.of(lab.name));
        all.addAll(others);
        return all;
    }

    private static <T> T call(String netns, Callable<T> work) {
        try (NetworkNamespace opened = NetworkNamespace.named(netns)) {
            return opened.call(work);
        }
    }

    @Override
    public void close() {
        endProbe();
        for (AutoCloseable resource : open) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        lab.close();
        for (String name : others) {
            Shell.run("ip", "netns", "del", name);
        }
        Shell.run("ip", "netns", "del", peer);
    }
}
