// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.csumbpf.loader.BpfObject;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;

/** The test's own network namespace, with veth pairs w0-w1 and w2-w3. The command works on w1. */
public final class Lab extends Host implements AutoCloseable {
    static final String PREFIX = "cbt-" + ProcessHandle.current().pid() + "-";
    private static final AtomicInteger NUMBER = new AtomicInteger();

    public Lab() {
        this(true);
    }

    /** @param installed see {@link Host#Host(String, boolean)} */
    public Lab(boolean installed) {
        super(PREFIX + NUMBER.getAndIncrement(), installed);
        ip("netns", "add", name);
        for (String pair : List.of("w0 w1", "w2 w3")) {
            String[] ends = pair.split(" ");
            ipIn("link", "add", ends[0], "mtu", "9500", "type", "veth", "peer", "name", ends[1], "mtu", "9500");
            for (String end : ends) {
                // Keeps router solicitations and the like from the test's packets.
                Shell.run(in("sysctl", "-qw", "net.ipv6.conf." + end + ".disable_ipv6=1"));
                ipIn("link", "set", end, "up");
            }
        }
    }

    public static void ip(String... arguments) {
        Shell.run(Shell.join(new String[] {"ip"}, arguments)).ok();
    }

    public void ipIn(String... arguments) {
        Shell.run(Shell.join(new String[] {"ip", "-n", name}, arguments)).ok();
    }

    public void tc(String... arguments) {
        Shell.run(Shell.join(new String[] {"tc", "-n", name}, arguments)).ok();
    }

    /**
     * Adds a filter to w1 that is not csumbpf's. w1 must have a clsact qdisc.
     *
     * @param direction ingress or egress
     * @param object its program: see {@link #compile}
     */
    public void filter(String direction, int priority, Path object) {
        filter(direction, priority, "bpf", "da", "obj", object.toString(), "sec", "tc");
    }

    /** The same without a program: a u32 filter that matches all IPv4 and does nothing. */
    public void u32Filter(int priority) {
        filter("ingress", priority, "protocol", "ip", "u32", "match", "u32", "0", "0");
    }

    private void filter(String direction, int priority, String... filter) {
        String[] add = {"filter", "add", "dev", "w1", direction, "pref", Integer.toString(priority)};
        tc(Shell.join(add, filter));
    }

    /** Makes a device receive what is sent to 02:00:00:00:00:01 and to an IPv4 address. */
    public void receive(String device, String address) {
        ipIn("link", "set", "lo", "up");
        ipIn("link", "set", device, "address", "02:00:00:00:00:01");
        ipIn("addr", "add", address + "/24", "dev", device);
    }

    /**
     * Adds a VXLAN device with VNI 5.
     *
     * @param device below it; has the address {@code local}
     * @param more as ip link takes it
     */
    public void vxlan(String vxlan, int port, String device, String local, String... more) {
        String number = Integer.toString(port);
        String[] add = {
            "link", "add", vxlan, "type", "vxlan", "id", "5", "dstport", number, "dev", device, "local", local
        };
        ipIn(Shell.join(add, more));
        ipIn("link", "set", vxlan, "up");
    }

    /** The only attachment, from status --json; empty: there is none. */
    public Optional<JsonNode> status() {
        JsonNode list = json("status").get("attachments");
        assertThat(list.size()).isLessThan(2);
        return Optional.ofNullable(list.get(0));
    }

    /** The same while a command may be at work, half of which may be seen; empty also if there are several. */
    public Optional<JsonNode> statusMeanwhile() {
        JsonNode list = Optional.ofNullable(
                        parse(csumbpf("status", "--json").out()).get("attachments"))
                .orElseThrow();
        return list.size() == 1 ? Optional.of(list.get(0)) : Optional.empty();
    }

    /**
     * What attach changed on the host, from status --json, without bpffs, which another attachment may have mounted.
     */
    public List<String> hostChanges() {
        List<String> changes = new ArrayList<>();
        status().orElseThrow().get("host_changes").forEach(change -> changes.add(change.asText()));
        changes.remove("bpffs");
        return changes;
    }

    /** The rules as "vni mode", in the order of status. */
    public List<String> rules() {
        List<String> rules = new ArrayList<>();
        status().ifPresent(status -> status.get("rules")
                .forEach(rule -> rules.add(
                        rule.get("vni").asText() + " " + rule.get("mode").asText())));
        return rules;
    }

    public int ifindex(String device) {
        return call(() -> Rtnetlink.device(device).orElseThrow().ifindex());
    }

    public Path pins() {
        try (NetworkNamespace netns = NetworkNamespace.named(name)) {
            return Path.of("/sys/fs/bpf/csumbpf", Long.toString(netns.inode()), Integer.toString(ifindex("w1")));
        }
    }

    /** Removes the attachment's pins whose names match. */
    public void removePins(String names) {
        try (Stream<Path> pins = Files.list(pins())) {
            for (Path pin : pins.toList()) {
                if (pin.getFileName().toString().matches(names)) {
                    Files.delete(pin);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Gives w1 an IPv6 address, so that the backstop covers IPv6, too. */
    public void ipv6() {
        ipIn("link", "set", "lo", "up");
        Shell.run(in("sysctl", "-qw", "net.ipv6.conf.w1.disable_ipv6=0")).ok();
        ipIn("addr", "add", "2001:db8::1/64", "dev", "w1", "nodad");
    }

    /** The namespace's nftables ruleset, as nft lists it. */
    public String ruleset() {
        return run("nft", "list", "ruleset").ok().out();
    }

    /** What attach may have left behind: pins, programs on hooks, qdiscs, nftables. */
    public List<String> traces() {
        List<String> traces = new ArrayList<>();
        try (NetworkNamespace netns = NetworkNamespace.named(name)) {
            Path pins = Path.of("/sys/fs/bpf/csumbpf", Long.toString(netns.inode()));
            if (Files.exists(pins)) {
                traces.add(pins.toString());
            }
        }
        for (int ifindex : new int[] {ifindex("w1"), ifindex("lo")}) {
            call(() -> {
                TcxLink.query(ifindex).forEach(id -> traces.add("tcx program " + id));
                Rtnetlink.ingressQdiscs(ifindex).forEach(qdisc -> traces.add(qdisc.toString()));
                return null;
            });
        }
        ruleset().lines().filter(line -> line.contains("csumbpf")).forEach(traces::add);
        return traces;
    }

    /** Compiles foreign.bpf.c with these options. */
    public static byte[] foreign(String... options) {
        try {
            Path object = Files.createTempFile("foreign", ".o");
            compile(object, options);
            byte[] bytes = Files.readAllBytes(object);
            Files.delete(object);
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Compiles foreign.bpf.c. Without options, it copies the file that the environment names in CSUMBPF_FOREIGN_OBJECT,
     * because not every guest has clang.
     */
    public static void compile(Path object, String... options) {
        String compiled = System.getenv("CSUMBPF_FOREIGN_OBJECT");
        if (options.length == 0 && compiled != null && Files.exists(Path.of(compiled))) {
            try {
                Files.copy(Path.of(compiled), object, StandardCopyOption.REPLACE_EXISTING);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return;
        }
        String multiarch = Shell.run("gcc", "-print-multiarch").ok().out().strip();
        String[] command = {
            "clang",
            "-O2",
            "-g",
            "-target",
            "bpf",
            "-idirafter",
            "/usr/include/" + multiarch,
            Shell.CHECKOUT.resolve("tests/src/test/bpf/foreign.bpf.c").toString(),
            "-c",
            "-o",
            object.toString()
        };
        Shell.run(Shell.join(command, options)).ok();
    }

    public static BpfProgram load(byte[] object) {
        return load(object, "foreign");
    }

    public static BpfProgram load(byte[] object, String name) {
        try (BpfObject opened = BpfObject.open(object, name)) {
            opened.load();
            return opened.program(name);
        }
    }

    /**
     * Within a test's body this is put off until the body has ended, so that a failed test's lab can still be
     * inspected.
     */
    @Override
    public void close() {
        Case.takeDownLater(() -> {
            Shell.here("--netns", name, "detach", "--all");
            Shell.run("ip", "netns", "del", name);
        });
    }
}
