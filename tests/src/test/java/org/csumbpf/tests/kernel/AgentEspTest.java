// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Traffic;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two agents, and nothing else that is csumbpf's: real SAs come and go, and traffic works. */
@Tag("vm")
@Order(3)
@ExtendWith(KernelLog.class)
class AgentEspTest {
    private static final String A = "10.0.9.1";
    private static final String B = "10.0.9.2";

    /** AgentTest holds the five seconds; here a processor is emulated. */
    private static final Duration HEALED = Limit.seconds(60);

    /** tests/vm/matrix sets how long. */
    private static final Duration LOOP = Duration.ofSeconds(
            Long.parseLong(Optional.ofNullable(System.getenv("AGENT_SECONDS")).orElse("300")));

    private static final String BACKSTOP = "nft delete table ip csumbpf";
    private static final String HOOK = "rm -f $pins/link; tc qdisc del dev eth0 clsact 2>/dev/null; true";
    /** Not the whole ruleset of nftables, which has Docker's rules, too. */
    private static final List<String> LOSSES = List.of(
            BACKSTOP,
            "nft flush table ip csumbpf",
            "nft add table ip csumbpf '{ flags dormant; }'",
            HOOK,
            "rm $pins/config",
            "rm $pins/program",
            "rm $pins/*",
            "umount -l /sys/fs/bpf && mount -t bpf bpf /sys/fs/bpf",
            "rmmod esp4_offload");

    private static ServeProcess agent(Host host) {
        return ServeProcess.agent(host, "--docker", "/nosuch");
    }

    /** If all pins are lost, the record of what attach loaded is lost, too. Other classes expect that nothing is loaded. */
    @AfterAll
    static void unload() {
        for (String module : List.of("esp4_offload", "esp6_offload")) {
            if (Files.exists(Path.of("/sys/module", module))) {
                Shell.run("rmmod", module).ok();
            }
        }
    }

    @Test
    @DisplayName("agent: SAs come later, change, go")
    void associationsComeAndGo() {
        try (EspLab lab = new EspLab()) {
            assertThat(lab.loss(lab.a, B)).as("loss before").isEqualTo(100);
            lab.dissociate();
            try (ServeProcess onA = agent(lab.a);
                    ServeProcess onB = agent(lab.b)) {
                assertThat(lab.b.json("status").get("attachments")).isEmpty();
                lab.associate();
                awaitAttached(lab.a);
                awaitAttached(lab.b);
                Traffic.everything(lab, "10.0.9");
                int program = attachment(lab.b).get("program_id").asInt();
                lab.dissociate();
                lab.associate();
                assertThat(lab.loss(lab.a, B)).as("loss after new keys").isZero();
                // Not the whole ruleset, which has Docker's rules, too.
                lab.b.run("nft", "delete", "table", "ip", "csumbpf").ok();
                Limit.await(
                        "the backstop is back",
                        HEALED,
                        () -> onB.value("csumbpf_heals_total", "what=\"backstop_lost\""),
                        heals -> heals >= 1);
                onB.awaitLog(line -> line.contains("after=\"a change by nft (process "));
                assertThat(attachment(lab.b).get("program_id").asInt())
                        .as("the same program")
                        .isEqualTo(program);
            }
            assertThat(lab.loss(lab.b, A)).as("loss without agents").isZero();
        }
    }

    @Test
    @DisplayName("agent: ovs")
    void openVswitch() {
        repairs("ovs");
    }

    @ParameterizedTest(name = "agent: {0}")
    @ValueSource(strings = {"vlan", "bond", "wireguard"})
    @Tag("test-all")
    void underlays(String underlay) {
        repairs(underlay);
    }

    private static void repairs(String underlay) {
        try (EspLab lab = new EspLab("UNDERLAY=" + underlay, "PORT=4790")) {
            assertThat(lab.loss(lab.a, B)).as("loss before").isEqualTo(100);
            try (ServeProcess onA = agent(lab.a);
                    ServeProcess onB = agent(lab.b)) {
                assertThat(lab.loss(lab.a, B)).as("loss after").isZero();
                assertThat(lab.loss(lab.b, A)).as("loss after").isZero();
            }
        }
    }

    /** Traffic has two ways, so it does not notice the loss of one. */
    @Test
    @DisplayName("agent: puts back whatever is lost, in random order, under traffic")
    void losesNothingMeanwhile() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (EspLab lab = new EspLab();
                ServeProcess onA = agent(lab.a);
                ServeProcess onB = agent(lab.b)) {
            assertThat(lab.loss(lab.a, B)).isZero();
            try (Pings pings = new Pings(lab.a, B)) {
                long end = System.nanoTime() + LOOP.toNanos();
                int times = 0;
                for (; times < LOSSES.size() || System.nanoTime() < end; times++) {
                    // Each once, and then any.
                    String loss = LOSSES.get(times < LOSSES.size() ? times : random.nextInt(LOSSES.size()));
                    lose(lab.b, onB, loss, "seed " + seed);
                }
                Pings.Result result = pings.end();
                System.out.println("lost and put back " + times + " times: " + result);
                assertThat(result.sent()).isGreaterThan(100);
                // An emulated processor that is busy elsewhere drops a packet now and then.
                assertThat(result.lost()).as("%s, seed %s", result, seed).isLessThanOrEqualTo(result.sent() / 200);
            }
            try (Pings pings = new Pings(lab.a, B)) {
                long window = lose(lab.b, onB, BACKSTOP + "; " + HOOK, "both ways at once");
                Pings.Result result = pings.end();
                System.out.println("both ways at once, for at most " + window + " ms: " + result);
                assertThat(result.lost())
                        .as("%s in %s ms", result, window)
                        .isLessThanOrEqualTo((int) (window / Pings.INTERVAL_MILLIS) + 1);
            }
            int program = attachment(lab.b).get("program_id").asInt();
            try (Pings pings = new Pings(lab.a, B)) {
                onB.kill();
                try (ServeProcess next = agent(lab.b)) {
                    assertThat(attachment(lab.b).get("program_id").asInt()).isEqualTo(program);
                    assertThat(pings.end().lost())
                            .as("lost while the agent was killed and started")
                            .isZero();
                }
            }
        }
    }

    /** Undoes something, and waits until all is well. Returns how long that took, milliseconds. */
    private static long lose(Host host, ServeProcess agent, String loss, String about) {
        double before = heals(agent);
        JsonNode attachment = attachment(host);
        String pins = "/sys/fs/bpf/csumbpf/" + attachment.get("netns").asText() + "/"
                + attachment.get("ifindex").asText();
        long began = System.nanoTime();
        host.run("sh", "-c", "pins=" + pins + "; " + loss).ok();
        Limit.await("heal after " + loss + ", " + about, HEALED, () -> heals(agent), heals -> heals > before);
        Limit.await("all well after " + loss + ", " + about, HEALED, () -> host.json("status"), status -> {
            JsonNode now = status.at("/attachments/0");
            return now.path("state").asText().equals("attached")
                    && now.at("/backstop/state").asText().equals("on")
                    && now.path("path").asText().equals(attachment.get("path").asText());
        });
        return (System.nanoTime() - began) / 1_000_000;
    }

    private static double heals(ServeProcess agent) {
        return agent.scrape()
                .lines()
                .filter(line -> line.startsWith("csumbpf_heals_total{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    @DisplayName("agent: another interface takes over, and packets come in by one without the address")
    void anotherInterfaceTakesOver() {
        try (EspLab lab = new EspLab();
                ServeProcess onA = agent(lab.a);
                ServeProcess onB = ServeProcess.agent(lab.b, "--docker", "/nosuch", "--keep", "0")) {
            assertThat(lab.loss(lab.a, B)).isZero();
            // Otherwise eth0 answers for the address, too, and packets go on coming in there.
            lab.b.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1").ok();
            String routes =
                    lab.b.run("ip", "route", "show", "default").ok().out().strip();
            lab.b
                    .run("ip", "link", "add", "link", "eth0", "name", "eth9", "type", "macvlan", "mode", "bridge")
                    .ok();
            lab.b.run("ip", "link", "set", "eth9", "up").ok();
            lab.b.run("ip", "addr", "del", "10.99.0.2/24", "dev", "eth0").ok();
            lab.b.run("ip", "addr", "add", "10.99.0.2/24", "dev", "eth9").ok();
            lab.b
                    .run("sh", "-c", "ip route replace " + routes.replace("eth0", "eth9"))
                    .ok();
            lab.nat.run("ip", "neigh", "flush", "all").ok();
            Limit.await(
                    "the agent on eth9 only",
                    HEALED,
                    () -> lab.b.json("status").findValuesAsText("interface"),
                    List.of("eth9")::equals);
            assertThat(lab.loss(lab.a, B)).as("loss by eth9").isZero();
            assertThat(lab.loss(lab.b, A)).as("loss by eth9").isZero();

            String mac = lab.b
                    .run("sh", "-c", "ip -br link show eth0 | awk '{ print $3 }'")
                    .ok()
                    .out()
                    .strip();
            // What is sent to eth9's address comes in by eth0 from now on.
            lab.nat
                    .run("ip", "neigh", "replace", "10.99.0.2", "lladdr", mac, "dev", "eth1", "nud", "permanent")
                    .ok();
            try (Pings pings = new Pings(lab.a, B)) {
                Limit.await(
                        "the agent on both",
                        HEALED,
                        () -> Set.copyOf(lab.b.json("status").findValuesAsText("interface")),
                        Set.of("eth0", "eth9")::equals);
                assertThat(pings.end().sent()).isPositive();
            }
            assertThat(lab.loss(lab.a, B)).as("loss by eth0").isZero();
            assertThat(lab.loss(lab.b, A)).as("loss by eth0").isZero();
        }
    }

    private static JsonNode attachment(Host host) {
        return host.json("status").at("/attachments/0");
    }

    private static void awaitAttached(Host host) {
        Limit.await(
                "an attachment on " + host.name,
                HEALED,
                () -> attachment(host).path("state").asText(),
                "attached"::equals);
    }
}
