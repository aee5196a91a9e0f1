// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The agent on this kernel, which may have no ESP: Docker names the device. AgentEspTest has SAs. */
@Tag("root")
class AgentTest {
    private static final String ADDRESS = "10.0.0.2";
    /** The agent heals within so long, besides the time that a loaded machine needs. */
    private static final Duration HEALED = Limit.seconds(5);

    private static final String NETWORK_BACK = """
            [{"Name": "back", "Options": {"encrypted": "", "com.docker.network.driver.overlay.vxlanid_list": "4101"}}]
            """;

    @TempDir
    private Path folder;

    private Lab lab;
    private FakeDocker docker;

    @BeforeEach
    void open() {
        lab = new Lab();
        lab.ipIn("addr", "add", ADDRESS + "/24", "dev", "w1");
        docker = FakeDocker.ofSwarm(folder.resolve("docker.sock"), ADDRESS);
    }

    @AfterEach
    void close() {
        docker.close();
        lab.close();
    }

    private ServeProcess agent(String... options) {
        return ServeProcess.agent(
                lab,
                Shell.join(
                        new String[] {"--docker", folder.resolve("docker.sock").toString()}, options));
    }

    private void awaitWell(String what) {
        Limit.await(
                what,
                HEALED,
                lab::statusMeanwhile,
                status -> status.isPresent()
                        && status.get().get("state").asText().equals("attached")
                        && status.get().at("/backstop/state").asText().equals("on")
                        && status.get().get("ifindex").asInt() == ifindex());
    }

    private int ifindex() {
        return lab.call(() -> Rtnetlink.device("w1").orElseThrow().ifindex());
    }

    private Path pins() {
        JsonNode status = lab.statusMeanwhile().orElseThrow();
        return Path.of(
                "/sys/fs/bpf/csumbpf",
                status.get("netns").asText(),
                status.get("ifindex").asText());
    }

    /** As the health check of a container asks. */
    @Test
    void aCommandSaysWhetherItWorks() {
        assertThat(lab.csumbpf("agent", "--check").ended(9).out()).startsWith("no agent works");
        try (ServeProcess agent = agent()) {
            Limit.await(
                    "the agent is seen",
                    HEALED,
                    () -> lab.csumbpf("agent", "--check", "--json"),
                    result -> result.code() == 0
                            && result.out()
                                    .replaceAll("\\s", "")
                                    .startsWith("{\"working\":true,\"seen_seconds_ago\":"));
            agent.kill();
            assertThat(lab.csumbpf("agent", "--check").ended(9).out())
                    .as("the file of an agent that was killed")
                    .startsWith("no agent works");
        }
    }

    @Test
    void attachesWhereDockerIsAndStaysWhenItEnds() {
        int program;
        try (ServeProcess agent = agent()) {
            JsonNode status = lab.statusMeanwhile().orElseThrow();
            assertThat(status.get("interface").asText()).isEqualTo("w1");
            assertThat(status.get("rules").toString()).contains("\"any\"", "\"auto\"");
            assertThat(agent.scrape()).contains("csumbpf_attached{");
            program = status.get("program_id").asInt();
            assertThat(agent.terminate()).isZero();
        }
        assertThat(lab.statusMeanwhile().orElseThrow().get("program_id").asInt())
                .isEqualTo(program);
        try (ServeProcess agent = agent()) {
            assertThat(lab.statusMeanwhile().orElseThrow().get("program_id").asInt())
                    .as("the next agent takes it over as it is")
                    .isEqualTo(program);
            assertThat(agent.log()).noneMatch(line -> line.contains("msg=\"attached\""));
        }
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.statusMeanwhile()).isEmpty();
        assertThat(lab.run("nft", "list", "ruleset").ok().out()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            backstop_lost | nft flush ruleset
            backstop_lost | nft flush chain ip csumbpf if$i
            backstop_lost | nft add table ip csumbpf '{ flags dormant; }'
            pin_missing   | rm $pins/config
            pin_missing   | rm $pins/program
            hook_lost     | rm -f $pins/link; tc qdisc del dev w1 clsact 2>/dev/null; true
            half_made     | rm $pins/*; tc qdisc del dev w1 clsact 2>/dev/null; true
            """)
    void whatIsLostIsPutBack(String finding, String loss) {
        try (ServeProcess agent = agent()) {
            String script = "i=" + ifindex() + " pins=" + pins() + "; " + loss;
            lab.run("bash", "-c", script).ok();
            Limit.await(
                    "heals of " + finding + " after " + loss,
                    HEALED,
                    () -> agent.value("csumbpf_heals_total", "what=\"" + finding + "\""),
                    heals -> heals >= 1);
            awaitWell(loss);
            assertThat(agent.log()).anyMatch(line -> line.contains("msg=\"healed\""));
        }
    }

    @Test
    void anInterfaceThatIsMadeAnewIsAttachedAgain() {
        try (ServeProcess agent = agent()) {
            int before = ifindex();
            lab.ipIn("link", "del", "w1");
            lab.ipIn("link", "add", "w0", "type", "veth", "peer", "name", "w1");
            lab.ipIn("link", "set", "w1", "up");
            lab.ipIn("addr", "add", ADDRESS + "/24", "dev", "w1");
            awaitWell("the new w1");
            assertThat(ifindex()).isNotEqualTo(before);
        }
    }

    @Test
    void anInterfaceThatIsRenamedOrMovedIsFollowed() {
        try (Lab other = new Lab();
                ServeProcess agent = agent("--keep", "0")) {
            int program = lab.statusMeanwhile().orElseThrow().get("program_id").asInt();
            lab.ipIn("link", "set", "w1", "down");
            lab.ipIn("link", "set", "w1", "name", "w9");
            lab.ipIn("link", "set", "w9", "up");
            Limit.await(
                    "the new name",
                    HEALED,
                    () -> lab.statusMeanwhile().orElseThrow(),
                    status -> status.get("interface").asText().equals("w9")
                            && status.get("state").asText().equals("attached"));
            lab.ipIn("link", "set", "w9", "netns", other.name);
            Limit.await(
                    "attached where it is now",
                    HEALED,
                    other::status,
                    status -> status.isPresent()
                            && status.get().get("state").asText().equals("attached")
                            && status.get().get("program_id").asInt() == program);
            assertThat(lab.statusMeanwhile()).isEmpty();
            assertThat(lab.run("nft", "list", "ruleset").ok().out()).isEmpty();
            assertThat(agent.value("csumbpf_heals_total", "what=\"interface_moved\""))
                    .isEqualTo(1);
        }
    }

    /** The names of networks come with an event, and go to metrics, status and stats. */
    @Test
    void whatDockerSaysIsNoticedAtOnce() {
        try (ServeProcess agent = agent()) {
            docker.become(ADDRESS, """
                    [{"Name": "shop \\n \\"x\\"", "Options": {"encrypted": "",
                      "com.docker.network.driver.overlay.vxlanid_list": "4101,4102"}},
                     {"Name": "open", "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4103"}}]
                    """);
            Limit.await(
                    "the network",
                    Limit.seconds(3),
                    () -> lab.json("stats").findValuesAsText("network"),
                    networks -> networks.contains("shop \uFFFD \"x\""));
            JsonNode status = lab.statusMeanwhile().orElseThrow();
            assertThat(status.get("rules").findValuesAsText("vni")).containsExactly("any", "4101", "4102");
            assertThat(lab.csumbpf("status").out()).contains("vni 4101-4102 (shop");
            assertThat(agent.scrape())
                    .contains("network=\"shop \uFFFD \\\"x\\\"\",outcome=\"repaired\",path=\"tc\",vni=\"4101\"");
            docker.become(ADDRESS, "[]");
            Limit.await(
                    "no network",
                    Limit.seconds(3),
                    () -> lab.statusMeanwhile().orElseThrow().path("rules").findValuesAsText("vni"),
                    vnis -> vnis.equals(List.of("any")));
        }
    }

    /** In a PID namespace of its own, by name alone; AgentEspTest has the number, too. */
    @Test
    void whoUndoesItIsNamed() {
        try (ServeProcess agent = agent()) {
            lab.run("nft", "flush", "ruleset").ok();
            agent.awaitLog(line -> line.contains("msg=\"healed\"") && line.contains("after=\"a change by nft"));
        }
    }

    @Test
    void whatHasNoReasonAnyMoreIsKeptForAWhile() {
        try (ServeProcess agent = agent("--keep", "3")) {
            lab.ipIn("addr", "del", ADDRESS + "/24", "dev", "w1");
            Limit.pause(1000);
            assertThat(lab.statusMeanwhile()).as("kept").isPresent();
            Limit.await("detached", Limit.seconds(10), lab::statusMeanwhile, Optional::isEmpty);
            assertThat(agent.log()).anyMatch(line -> line.contains("msg=\"detached\""));
            lab.ipIn("addr", "add", ADDRESS + "/24", "dev", "w1");
            awaitWell("the address is back");
        }
    }

    @Test
    void anAttachmentMadeByHandIsLeftToTheHand() {
        lab.csumbpf("attach", "w1", "--vni", "7", "--mode", "observe").ok();
        try (ServeProcess agent = agent("--keep", "0")) {
            lab.run("nft", "flush", "ruleset").ok();
            docker.move("192.0.2.77");
            Limit.pause(6000);
            JsonNode status = lab.statusMeanwhile().orElseThrow();
            assertThat(status.get("rules").toString()).contains("observe", "7");
            assertThat(status.at("/backstop/state").asText()).isNotEqualTo("on");
            assertThat(agent.log()).noneMatch(line -> line.contains("healed") || line.contains("detached"));
        }
    }

    @Test
    void aPersonTakesItOver() {
        try (ServeProcess agent = agent()) {
            lab.csumbpf("attach", "w1", "--mode", "observe").ok();
            Limit.pause(5000);
            assertThat(lab.statusMeanwhile().orElseThrow().get("rules").toString())
                    .contains("observe");
        }
    }

    @Test
    void theOptionsOfTheAgentChange() {
        agent().close();
        try (ServeProcess agent = agent("--mode", "recompute")) {
            assertThat(lab.statusMeanwhile().orElseThrow().get("rules").toString())
                    .contains("recompute");
        }
    }

    @Test
    void onlyOneRunsInANamespace() {
        try (ServeProcess agent = agent()) {
            Shell.Result second = lab.csumbpf("agent", "--listen", "127.0.0.1:0");
            assertThat(second.code()).isEqualTo(8);
            assertThat(second.err()).hasLineCount(1).contains("another csumbpf agent runs");
        }
    }

    /** A container's engine asks every half a minute. Only if all is well the launcher answers by itself. */
    @Test
    void theHealthCheckNeedsNoJvm() {
        String[] check = lab.in(
                Shell.join(new String[] {"env", "CSUMBPF_JAVA=/nonexistent"}, Shell.csumbpf("agent", "--check")));
        String[] whole = lab.in(Shell.csumbpf("agent", "--check"));
        assertThat(Shell.run(check).code()).isEqualTo(5);
        try (ServeProcess agent = agent()) {
            assertThat(Shell.run(check).ok().out()).matches("an agent works: seen \\d+\\.\\d s ago\n");
            assertThat(lab.csumbpf("agent", "--check").ok().out()).startsWith("an agent works: seen ");
            agent.kill();
            assertThat(Shell.run(check).code()).as("killed").isEqualTo(5);
            assertThat(Shell.run(whole).code()).as("killed").isEqualTo(9);
        }
    }

    /** As a Swarm's next task does, and a package's agent beside a container's. */
    @Test
    void oneThatStandsByTakesOver() {
        try (ServeProcess agent = agent();
                ServeProcess next = new ServeProcess(
                        "agent",
                        lab,
                        "--stand-by",
                        "--docker",
                        folder.resolve("docker.sock").toString())) {
            JsonNode before = lab.statusMeanwhile().orElseThrow().get("program_id");
            next.awaitLog(line -> line.contains("msg=\"stands by: another agent works in this network namespace\""));
            next.hangUp(); // reloads nothing, and ends nothing
            assertThat(lab.csumbpf("agent", "--check").code()).isZero();
            Shell.Result detach =
                    Shell.run(Shell.join(new String[] {"timeout", "5"}, lab.command("detach", "--all", "--wait")));
            assertThat(detach.err()).contains("csumbpf detach: waits for the agent to end; ");
            assertThat(detach.out()).isEmpty();
            agent.close();
            next.awaitLog(line -> line.contains("msg=\"takes over: the other agent has ended\""));
            next.awaitLog(line -> line.contains("msg=\"ready\""));
            assertThat(lab.statusMeanwhile().orElseThrow().get("program_id")).isEqualTo(before);
        }
        lab.csumbpf("detach", "--all", "--wait").ok();
        assertThat(lab.csumbpf("status").ok().out()).contains("nothing is attached");
    }

    /** Somebody who flushes for ever is not fought for ever: the pauses grow. */
    @Test
    void whatIsUndoneAgainAndAgainIsHealedLessOften() {
        try (ServeProcess agent = agent()) {
            long end = System.nanoTime() + 25_000_000_000L;
            while (System.nanoTime() < end) {
                lab.run("nft", "flush", "ruleset").ok();
                Limit.pause(100);
            }
            // Ten times with pauses of a second, then 2, 4, 8.
            assertThat(agent.value("csumbpf_heals_total", "what=\"backstop_lost\""))
                    .isBetween(8.0, 14.0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"hangs", "lies", "is gone"})
    void dockerIsNotNeeded(String how) throws Exception {
        try (ServeProcess agent = agent()) {
            docker.close();
            try (FakeDocker other = switch (how) {
                case "hangs" -> new FakeDocker(folder.resolve("docker.sock"), path -> null);
                case "lies" -> new FakeDocker(folder.resolve("docker.sock"), path -> "nonsense");
                default -> null;
            }) {
                assertThat(Files.exists(folder.resolve("docker.sock"))).isEqualTo(other != null);
                lab.run("nft", "flush", "ruleset").ok();
                awaitWell("Docker " + how);
            }
            try (FakeDocker back = new FakeDocker(
                    folder.resolve("docker.sock"),
                    path -> path.equals("/info")
                            ? "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"" + ADDRESS + "\"}}"
                            : NETWORK_BACK)) {
                Limit.await(
                        "Docker comes back",
                        Limit.seconds(60),
                        () -> lab.json("stats").findValuesAsText("network"),
                        networks -> networks.contains("back"));
            }
        }
    }

    /** Docker names the network, and its device stayed behind in this namespace. */
    @Test
    void saysWhatTheDoctorFinds() {
        lab.ipIn("link", "add", "vx-001005-abcde", "type", "vxlan", "id", "4101", "dstport", "4789");
        docker.become(ADDRESS, NETWORK_BACK);
        try (ServeProcess agent = agent()) {
            Limit.await(
                    "the first examination",
                    Limit.seconds(40),
                    () -> agent.value("csumbpf_finding", "id=\"vxlan-orphan\"", "severity=\"error\""),
                    value -> value == 1);
            assertThat(agent.value("csumbpf_doctor_last_run_timestamp_seconds"))
                    .isBetween(System.currentTimeMillis() / 1000.0 - 60, System.currentTimeMillis() / 1000.0 + 60);
            assertThat(agent.log())
                    .anyMatch(line -> line.contains("vxlan-orphan: ") && line.contains("severity=error"));
            HttpResponse<String> page = agent.get("/");
            assertThat(page.headers().firstValue("Content-Security-Policy"))
                    .hasValueSatisfying(policy -> assertThat(policy).startsWith("default-src 'none'"));
            assertThat(page.body())
                    .contains("<code>vxlan-orphan</code>", "/w1</code>", "Next: <code>")
                    .doesNotContain("<script");
        }
    }

    @Test
    void nothingGrows() {
        try (ServeProcess agent = agent()) {
            int descriptors = 0;
            for (int i = 0; i < 300; i++) {
                lab.ipIn("addr", "add", "192.0.2.1/32", "dev", "w2");
                lab.ipIn("addr", "del", "192.0.2.1/32", "dev", "w2");
                if (i == 50) {
                    descriptors = agent.descriptors().size();
                }
            }
            Limit.pause(1000);
            assertThat(agent.descriptors()).hasSizeLessThanOrEqualTo(descriptors + 2);
            assertThat(agent.log())
                    .filteredOn(line -> line.contains("level=error"))
                    .isEmpty();
        }
    }
}
