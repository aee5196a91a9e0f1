// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.csumbpf.tests.kernel.SwarmTraffic.SMALL;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Prometheus;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Swarm;
import org.csumbpf.tests.lab.WebConfig;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * deploy/swarm/csumbpf.yml on a real Docker Swarm across a NAT, with the image of 'make dist' in engines that enforce
 * AppArmor, unless CSUMBPF_APPARMOR is "off". The cases are one story, in order. No command of csumbpf is typed on a node.
 */
@Tag("swarm")
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SwarmStackTest {
    /** Seconds. */
    private static final int NEVER = 86400;

    private static final String AGENT = "csumbpf_agent";
    private static final String DETACH = "csumbpf-remove_detach";
    private static final List<String> NODES = List.of("swarm-a", "swarm-b");

    private static final int SCRAPE_SECONDS = 5;
    private static final String UP = "up{job=\"csumbpf\",node!=\"\"}";
    /** A node's value on the dashboard. */
    private static final double REPAIRS = 6;

    private static final Duration PATIENCE = Limit.seconds(300);

    /** What 'make dist' made. */
    private static final Path PACKAGES = Path.of(System.getenv().getOrDefault("CSUMBPF_PACKAGES", "/nonexistent"));

    private static Swarm swarm;
    private static SwarmDoctor doctor;
    private static SwarmTraffic traffic;
    /** Of the attachments on a and b, since the agents have made them or networks have changed. */
    private static List<Integer> programs;

    private static long errors;

    @BeforeAll
    static void up() {
        swarm = new Swarm(System.getenv("CSUMBPF_ENGINE"), NEVER);
        doctor = new SwarmDoctor(swarm);
        traffic = new SwarmTraffic(swarm);
        for (Host host : hosts()) {
            swarm.load(host, packaged("-image-amd64.tar"));
        }
    }

    @AfterAll
    static void down() {
        if (swarm != null) {
            swarm.close();
        }
    }

    @Test
    @Order(1)
    @DisplayName(
            "stack: alive by 'docker stack deploy' alone; on a node with the package its task stands by, and takes over")
    void deployed() {
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isEqualTo(100);
        swarm.startAgent(swarm.b, packaged("-linux-amd64.tar.gz"));
        awaitAttachment(swarm.b);
        swarm.deploy("csumbpf", ":14789", packaged("-swarm.yml"), Shell.CHECKOUT.resolve("tests/swarm/emulated.yml"));
        awaitAgents();
        programs = programs();
        assertThat(swarm.logs(swarm.b, task(swarm.b)))
                .contains("stands by: another agent works in this network namespace")
                .doesNotContain("takes over");
        swarm.endAgent(swarm.b);
        Limit.await(
                "takeover by b's task",
                Limit.seconds(60),
                () -> swarm.logs(swarm.b, task(swarm.b)),
                log -> log.contains("takes over: the other agent has ended") && log.contains("ready"));
        errors = HostCounters.snmp(swarm.b, "UdpInCsumErrors");
        traffic.works();
        assertThat(metric(
                        swarm.b, "csumbpf_packets_total", "network=\"secret\"", "path=\"tc\"", "outcome=\"repaired\""))
                .isPositive();
    }

    @Test
    @Order(2)
    @DisplayName("stack: AppArmor confines the agents, or the hosts have none")
    void confined() {
        boolean apparmor = !"off".equals(System.getenv("CSUMBPF_APPARMOR"));
        for (Host host : hosts()) {
            String task = task(host);
            assertThat(swarm.docker(host, "exec", task, "cat", "/proc/1/attr/current"))
                    .as("AppArmor's label on %s", host.name)
                    .isEqualTo(apparmor ? "docker-default (enforce)" : "unconfined");
            if (!apparmor) {
                continue;
            }
            // The place where a host has its pins is closed to containers: this is why the stack has /bpf.
            String image = swarm.docker(host, "inspect", "--format={{.Config.Image}}", task);
            assertThat(swarm.docker(
                            host,
                            "run",
                            "--rm",
                            "--network=host",
                            "--cap-add=NET_ADMIN",
                            "--cap-add=SYS_ADMIN",
                            "--volume=/sys/fs/bpf:/sys/fs/bpf",
                            "--entrypoint=sh",
                            image,
                            "-c",
                            "csumbpf attach eth0 2>&1; echo $?"))
                    .contains("in a container that 'docker-default (enforce)' confines; give the container the volume"
                            + " /sys/fs/bpf:/bpf")
                    .endsWith("\n3");
        }
        nothingWasAttachedAgain();
    }

    @Test
    @Order(3)
    @DisplayName("stack: networks are created, removed, created again")
    @Tag("test-all")
    void networks() {
        traffic.networksComeAndGo();
        // One network that goes and one that comes in one round are two changes of rules, which need another program.
        awaitAgents();
        programs = programs();
    }

    @Test
    @Order(4)
    @DisplayName("stack: an update loses no packet, nor does a task that is killed")
    void updated() {
        swarm.pings("secret");
        for (String order : List.of("start-first", "stop-first")) {
            swarm.docker(
                    swarm.a,
                    "service",
                    "update",
                    "--quiet",
                    "--detach=false",
                    "--no-resolve-image",
                    "--force",
                    "--update-order",
                    order,
                    "--update-monitor",
                    "1s",
                    AGENT);
            awaitAgents();
            nothingWasAttachedAgain();
        }
        String killed = task(swarm.b);
        swarm.docker(swarm.b, "kill", killed);
        Limit.await(
                "other task on b",
                Limit.seconds(60),
                () -> newest(swarm.b),
                id -> id.filter(other -> !other.equals(killed)).isPresent());
        awaitAgents();
        assertThat(swarm.quiet()).as("pings without an answer").isZero();
        nothingWasAttachedAgain();
    }

    @Test
    @Order(5)
    @DisplayName("stack: a node leaves and joins again, an engine restarts")
    void joins() {
        swarm.leave(swarm.b);
        swarm.join(swarm.b);
        swarm.await();
        awaitAgents();
        traffic.works();
        swarm.stop(swarm.b);
        swarm.start(swarm.b);
        swarm.await();
        awaitAgents();
        traffic.works();
        nothingWasAttachedAgain();
    }

    @Test
    @Order(6)
    @DisplayName("stack: Prometheus finds the nodes, and says which one has no csumbpf")
    void monitored() throws IOException {
        Path directory = Files.createDirectory(Path.of(System.getenv("CSUMBPF_RESULTS"), "prometheus"));
        try (Prometheus prometheus = new Prometheus(swarm, directory, SCRAPE_SECONDS)) {
            swarm.pings("secret");
            prometheus.await("count(" + UP + " == 1)", PATIENCE, count -> count == NODES.size());
            assertThat(prometheus.api("targets?state=active").findValuesAsText("scrapeUrl"))
                    .as("the addresses that the nodes have for each other")
                    .containsExactlyInAnyOrder("http://203.0.113.2:14789/metrics", "http://203.0.113.10:14789/metrics");
            awaitNodes(prometheus, List.of(REPAIRS, REPAIRS));

            constrain("--constraint-add");
            prometheus.await(UP + " == 0", PATIENCE, value -> true);
            Limit.await(
                    "alert CsumbpfNotOnNode",
                    PATIENCE,
                    prometheus::alerts,
                    alerts -> alerts.contains("CsumbpfNotOnNode"));
            assertThat(prometheus.alerts()).doesNotContain("CsumbpfDown");
            awaitNodes(prometheus, List.of(0.0, REPAIRS));
            constrain("--constraint-rm");
            awaitAgents();
            awaitNodes(prometheus, List.of(REPAIRS, REPAIRS));
            assertThat(swarm.quiet())
                    .as("pings without an answer while b had no agent")
                    .isZero();

            available("drain");
            prometheus.await("count(" + UP + ")", PATIENCE, count -> count == 1);
            // Pending for a moment: the task ends before Prometheus hears that the node is drained.
            Limit.await(
                    "no alert of a drained node",
                    PATIENCE,
                    prometheus::alerts,
                    alerts -> !alerts.contains("CsumbpfNotOnNode"));
            available("active");
            swarm.await();
            awaitAgents();
            prometheus.await("count(" + UP + " == 1)", PATIENCE, count -> count == NODES.size());
        }
        traffic.works();
        nothingWasAttachedAgain();
    }

    /** As docs/docker-swarm.md has it. */
    @Test
    @Order(7)
    @DisplayName("stack: TLS and a password, by Docker's secrets")
    @Tag("test-all")
    void secured(@TempDir Path made) throws IOException {
        WebConfig config = WebConfig.make(made, "DNS:csumbpf");
        Path password = Files.writeString(made.resolve("password"), WebConfig.PASSWORD);
        for (Path file : List.of(config.file(), config.key(), config.certificate())) {
            swarm.secret("csumbpf_" + file.getFileName(), file);
        }
        swarm.deploy(
                "csumbpf",
                ":14789",
                packaged("-swarm.yml"),
                packaged("-swarm-tls.yml"),
                Shell.CHECKOUT.resolve("tests/swarm/emulated.yml"));
        Path directory = Files.createDirectory(Path.of(System.getenv("CSUMBPF_RESULTS"), "prometheus-tls"));
        try (Prometheus prometheus = new Prometheus(swarm, directory, SCRAPE_SECONDS, config.certificate(), password)) {
            prometheus.await("count(" + UP + " == 1)", PATIENCE, count -> count == NODES.size());
            assertThat(prometheus.api("targets?state=active").findValuesAsText("scrapeUrl"))
                    .containsExactlyInAnyOrder(
                            "https://203.0.113.2:14789/metrics", "https://203.0.113.10:14789/metrics");
        }
        awaitAgents();
        traffic.works();
        nothingWasAttachedAgain();
    }

    @Test
    @Order(8)
    @DisplayName("stack: doctor in the tasks finds nothing")
    void doctor() {
        doctor.findsNothingInTask("healthy.stack", SwarmStackTest::task);
    }

    @Test
    @Order(9)
    @DisplayName("stack: removed, alive until remove.yml, which leaves nothing")
    void removed() {
        swarm.docker(swarm.a, "stack", "rm", "csumbpf");
        traffic.works();
        assertThat(HostCounters.snmp(swarm.b, "UdpInCsumErrors"))
                .as("UdpInCsumErrors while the agents ran")
                .isEqualTo(errors);
        swarm.deploy("csumbpf-remove", "", packaged("-swarm-remove.yml"));
        awaitTasks(DETACH, "Complete", 120);
        for (Host host : hosts()) {
            assertThat(host.csumbpf("status", "--bpffs", swarm.bpffs(host).toString())
                            .ok()
                            .out()
                            .strip())
                    .isEqualTo("nothing is attached");
            assertThat(host.run("nft", "list", "tables").ok().out()).doesNotContain("csumbpf");
            assertThat(swarm.bpffs(host)).isEmptyDirectory();
        }
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isEqualTo(100);
        assertThat(swarm.loss(swarm.a, swarm.b, "plain", SMALL)).isZero();
        swarm.docker(swarm.a, "stack", "rm", "csumbpf-remove");
    }

    /** Lets tasks run on a only, or everywhere again. */
    private static void constrain(String option) {
        swarm.docker(
                swarm.a,
                "service",
                "update",
                "--quiet",
                "--detach",
                "--no-resolve-image",
                option,
                "node.hostname==swarm-a",
                AGENT);
    }

    /** By its ID: b left and joined again, so its name is that of a node that is down, too. */
    private static void available(String availability) {
        String id = swarm.docker(swarm.b, "info", "--format", "{{.Swarm.NodeID}}");
        swarm.docker(swarm.a, "node", "update", "--availability", availability, id);
    }

    /** Waits until the dashboard's panel Nodes has these values, in any order. */
    private static void awaitNodes(Prometheus prometheus, List<Double> wanted) throws IOException {
        JsonNode dashboard = Host.parse(Files.readString(Shell.CHECKOUT.resolve("deploy/grafana/csumbpf.json")));
        String query = StreamSupport.stream(dashboard.get("panels").spliterator(), false)
                .filter(panel -> panel.get("title").asText().equals("Nodes"))
                .map(panel -> panel.at("/targets/0/expr").asText().replace("$instance", ".*"))
                .findFirst()
                .orElseThrow();
        Limit.await(
                "nodes on the dashboard with " + wanted,
                PATIENCE,
                () -> prometheus.values(query).stream().sorted().toList(),
                wanted::equals);
    }

    private static List<Host> hosts() {
        return List.of(swarm.a, swarm.b);
    }

    /** Both tasks run, and both nodes have an attachment. */
    private static void awaitAgents() {
        awaitTasks(AGENT, "Running", 300);
        // A task runs when it is healthy: its agent may be about to attach.
        hosts().forEach(SwarmStackTest::awaitAttachment);
    }

    /** Whole: one that is being made has a program already, which another may replace if the first try fails. */
    private static void awaitAttachment(Host host) {
        Limit.await(
                "attachment on " + host.name + " with which nothing is amiss",
                Limit.seconds(180),
                () -> status(host),
                status -> !status.get("amiss").asBoolean()
                        && status.get("attachments").size() == 1);
    }

    private static void awaitTasks(String service, String state, int seconds) {
        Limit.await(
                "task of " + service + " on each node that is " + state,
                Limit.seconds(seconds),
                () -> swarm.tasks(service, state),
                NODES::equals);
    }

    /** The container of the node's task. */
    private static String task(Host host) {
        return newest(host).orElseThrow();
    }

    private static Optional<String> newest(Host host) {
        return swarm.docker(host, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=" + AGENT)
                .lines()
                .findFirst();
    }

    private static JsonNode status(Host host) {
        return host.json("status", "--bpffs", swarm.bpffs(host).toString());
    }

    private static void nothingWasAttachedAgain() {
        assertThat(programs()).as("programs: nothing was attached again").isEqualTo(programs);
    }

    private static List<Integer> programs() {
        return hosts().stream()
                .map(host -> status(host).get("attachments"))
                .peek(attachments -> assertThat(attachments).hasSize(1))
                .map(attachments -> attachments.get(0))
                .peek(attachment ->
                        assertThat(attachment.get("interface").asText()).isEqualTo("eth0"))
                .map(attachment -> attachment.get("program_id"))
                .map(JsonNode::asInt)
                .toList();
    }

    /** The value of a series that the node's agent serves on the node itself. */
    private static double metric(Host host, String name, String... labels) {
        String scraped = host.call(() -> {
            try (InputStream body =
                    URI.create("http://127.0.0.1:14789/metrics").toURL().openStream()) {
                return new String(body.readAllBytes(), StandardCharsets.UTF_8);
            }
        });
        return ServeProcess.valueIn(scraped, name, labels);
    }

    private static Path packaged(String end) {
        try (Stream<Path> files = Files.list(PACKAGES)) {
            return files.filter(file -> file.getFileName().toString().endsWith(end)
                            && !file.toString().contains("~2"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no *" + end + " in " + PACKAGES));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
