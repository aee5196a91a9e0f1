// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.assertj.core.api.AutoCloseableSoftAssertions;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Each way to break an overlay that tests/lab/break.sh knows, and what doctor must say: that, and no other error. A lab takes
 * long to come up, so one serves many. Where csumbpf is attached, {@code --fix} must leave all that is not its own alone; what
 * is its own, {@code --fix} must mend.
 *
 * <p>The last class, because the kernel may log "hw csum failure" here: see {@link NatTraversalTest}.
 */
@Tag("vm")
@Order(10)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DoctorTest {
    private static final String A = "10.0.9.1";
    private static final String B = "10.0.9.2";
    private static final String SECONDS = "4";
    private static final String NOBODY = "/nosuch";
    private static final String FIX = "--fix";

    /** Data of a ping that makes a packet of 1,424 bytes, the overlay's MTU, and of 1,500. */
    private static final int FULL = 1396;

    private static final int TOO_LARGE = 1472;
    private static final int SMALL = 56;

    /**
     * What doctor must say on b.
     *
     * @param breakage as tests/lab/break.sh names it
     * @param id of the finding
     * @param severity error: the only one; otherwise there is no error
     * @param size of the pings' data
     */
    private record Row(String breakage, String id, String severity, int size) {
        static Row error(String breakage) {
            return new Row(breakage, breakage.split("\\.")[0], "error", SMALL);
        }

        static Row error(String breakage, String id) {
            return new Row(breakage, id, "error", SMALL);
        }

        /** Traffic works, or nobody on this host can know that it does not. */
        static Row warning(String breakage) {
            return new Row(breakage, breakage, "warning", SMALL);
        }

        Row sized(int other) {
            return new Row(breakage, id, severity, other);
        }
    }

    private static final List<Row> NOT_ATTACHED = List.of(Row.error("nat-checksum"), Row.error("conntrack-invalid"));

    private static final List<Row> IPSEC = List.of(
            Row.error("spi-mismatch"),
            Row.error("sa-missing"),
            Row.error("sa-address-mismatch"),
            Row.error("esp-blocked"),
            Row.error("esp-blocked.in"),
            Row.error("esp-one-way"),
            Row.error("not-encrypted"),
            Row.error("policy-port-mismatch"),
            Row.warning("guard-missing"),
            Row.error("replay-or-auth"),
            Row.error("replay-or-auth.replay"));

    private static final List<Row> DELIVERY = List.of(
            Row.error("firewall-after-decryption"),
            Row.error("firewall-after-decryption.nft"),
            Row.error("fdb-source-mismatch"),
            Row.error("vxlan-port-conflict"),
            Row.error("vxlan-orphan"));

    private static final List<Row> SIZE = List.of(
            Row.warning("mtu-fragments").sized(TOO_LARGE),
            Row.error("fragments-lost").sized(TOO_LARGE),
            Row.error("mtu-blackhole").sized(FULL));

    @RegisterExtension
    final KernelLog log = new KernelLog();

    @Test
    @Order(1)
    @DisplayName("doctor: not attached")
    void notAttached() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            softly.assertThat(errors(lab.nat)).as("a host without IPsec").isEmpty();
            softly.assertThat(errors(lab.b)).as("no traffic").isEmpty();
            rows(lab, NOT_ATTACHED, softly);
            lab.a.csumbpf("attach", "eth0").ok();
            fixes(lab, "nat-checksum", softly, "csumbpf", "--netns", lab.b.name, "attach", "eth0");
            well(lab, "attached by doctor", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(2)
    @DisplayName("doctor: IPsec")
    void ipsec() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            softly.assertThat(errors(lab.b)).as("no traffic, attached").isEmpty();
            rows(lab, IPSEC, softly, FIX);
            well(lab, "attached", softly);
        }
    }

    @Test
    @Order(3)
    @DisplayName("doctor: delivery")
    void delivery() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            rows(lab, DELIVERY, softly, FIX);
            rows(lab, SIZE, softly, FIX);
            well(lab, "attached", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(4)
    @DisplayName("doctor: csumbpf itself")
    void attachments() throws IOException {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            row(lab, Row.error("offload-unsafe"), softly);
            lab.b.csumbpf("restore", "eth0").ok();
            for (String breakage : List.of("backstop-lost", "attachment-lost")) {
                row(lab, Row.error(breakage), softly);
                fixes(lab, breakage, softly, "csumbpf", "--netns", lab.b.name, "restore", "eth0");
                softly.assertThat(lab.b.json("status").path("amiss").asBoolean())
                        .as("amiss after %s", breakage)
                        .isFalse();
            }
            manyBehindOne(lab, softly);
            lab.b.csumbpf("detach", "eth0").ok();
            lab.b
                    .csumbpf("attach", "eth0", "--hook", "clsact", "--backstop", "never")
                    .ok();
            row(lab, Row.error("chain-ended"), softly, FIX);
            lab.b.run("ethtool", "-K", "eth0", "gro", "off").ok();
            fixes(lab, "nat-checksum", softly, "ip", "netns", "exec", lab.b.name, "ethtool", "-K", "eth0", "gro", "on");
            well(lab, "GRO on again", softly);
            // Last, because the module is gone after it.
            row(lab, Row.error("esp-module-disabled"), softly, FIX);
        }
    }

    /** Only Docker knows the nodes' addresses. */
    private static void manyBehindOne(EspLab lab, AutoCloseableSoftAssertions softly) throws IOException {
        Path socket = Files.createTempDirectory("docker").resolve("socket");
        String node =
                "{\"Description\":{\"Hostname\":\"%s\"},\"Status\":{\"State\":\"ready\",\"Addr\":\"203.0.113.10\"}}";
        String nodes = "[" + node.formatted("b") + "," + node.formatted("c") + "]";
        lab.damage("many-behind-one");
        try (FakeDocker docker = new FakeDocker(socket, path -> switch (path) {
                    case "/info" -> "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"203.0.113.2\"}}";
                    case "/nodes" -> nodes;
                    default -> "[]";
                });
                Pings toB = new Pings(lab.a, B);
                Pings toC = new Pings(lab.a, "10.0.9.3")) {
            softly.assertThat(errors(lab.a, socket.toString()))
                    .as("many-behind-one")
                    .containsExactly("many-behind-one");
        }
        lab.mend("many-behind-one");
    }

    @Test
    @Tag("test-all")
    @Order(5)
    @DisplayName("doctor: no NAT, WireGuard")
    void noNat() {
        try (EspLab lab = new EspLab("DEVICES=docker", "NAT=none");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            well(lab, "no NAT, not attached", softly);
            // Which of the two it is shows only once csumbpf computes both ways.
            row(lab, Row.error("sender-checksum", "nat-checksum"), softly);
            lab.attach("--mode", "adjust");
            // Until it has learned what is usual from right packets, adjust repairs the wrong ones, too.
            well(lab, "no NAT, attached", softly);
            row(lab, Row.error("sender-checksum"), softly);
        }
        try (EspLab lab = new EspLab("DEVICES=docker", "UNDERLAY=wireguard");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.onBoth(host ->
                    host.csumbpf("attach", host == lab.b ? "tunnel0" : "eth0").ok());
            well(lab, "WireGuard below", softly);
        }
    }

    /** The kernel itself ignores the checksum. Must be the last. */
    @Test
    @Tag("test-all")
    @Order(6)
    @DisplayName("doctor: NAT-T")
    void natTraversal() {
        try (EspLab lab = new EspLab("DEVICES=docker", "ENCAP=udp");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            // The socket that takes ESP out of UDP is opened meanwhile.
            Limit.await("loss of 0", Limit.seconds(60), () -> lab.loss(lab.b, A), loss -> loss == 0);
            well(lab, "ESP in UDP", softly);
            log.leaveOutIfTheKernelWarnsByItself();
        }
    }

    /** @param options of doctor */
    private static void rows(EspLab lab, List<Row> rows, AutoCloseableSoftAssertions softly, String... options) {
        for (Row row : rows) {
            row(lab, row, softly, options);
        }
    }

    private static void row(EspLab lab, Row row, AutoCloseableSoftAssertions softly, String... options) {
        lab.damage(row.breakage);
        String before = configuration(lab.b);
        JsonNode tree = whilePinging(lab, row.size, options);
        softly.assertThat(configuration(lab.b))
                .as("what doctor left of %s", row.breakage)
                .isEqualTo(before);
        lab.mend(row.breakage);
        softly.assertThat(tree.path("steps")).as("steps with %s", row.breakage).isEmpty();
        JsonNode findings = tree.get("findings");
        List<String> wanted = row.severity.equals("error") ? List.of(row.id) : List.of();
        softly.assertThat(ids(findings, "error"))
                .as("errors with %s, of %s", row.breakage, findings.toPrettyString())
                .containsExactlyElementsOf(wanted);
        softly.assertThat(ids(findings, row.severity))
                .as("%ss with %s, of %s", row.severity, row.breakage, findings.toPrettyString())
                .contains(row.id);
    }

    /** What a host has been given, without what traffic changes. */
    private static String configuration(Host host) {
        return host.run(
                        "sh",
                        "-c",
                        "nft -s -t list ruleset; ip -o link; tc qdisc show; tc filter show dev eth0 ingress; ip xfrm policy;"
                                + " ip xfrm state list nokeys | grep '^src'; ethtool -k eth0; cat /etc/modprobe.d/*")
                .out();
    }

    /** While traffic flows, --fix does this one step on b, finds nothing wrong then, and a second time nothing to fix. */
    private static void fixes(EspLab lab, String id, AutoCloseableSoftAssertions softly, String... command) {
        JsonNode tree = whilePinging(lab, SMALL, FIX);
        JsonNode steps = tree.get("steps");
        String what = "fix of " + id + ": " + tree.toPrettyString();
        softly.assertThat(steps).as(what).hasSize(1);
        softly.assertThat(steps.path(0).path("id").asText()).as(what).isEqualTo(id);
        softly.assertThat(steps.path(0).path("outcome").asText()).as(what).isEqualTo("done");
        List<String> words = new ArrayList<>();
        steps.path(0).path("command").forEach(word -> words.add(word.asText()));
        softly.assertThat(words).as(what).containsExactly(command);
        softly.assertThat(ids(tree.get("findings"), "error")).as(what).isEmpty();
        JsonNode again = whilePinging(lab, SMALL, FIX);
        softly.assertThat(again.get("steps"))
                .as("again: %s", again.toPrettyString())
                .isEmpty();
    }

    /** Nothing is wrong on b, and packets pass. */
    private static void well(EspLab lab, String what, AutoCloseableSoftAssertions softly) {
        softly.assertThat(lab.loss(lab.b, A)).as("loss: " + what).isZero();
        JsonNode findings = whilePinging(lab, SMALL).get("findings");
        softly.assertThat(ids(findings, "error"))
                .as("errors: %s, of %s", what, findings.toPrettyString())
                .isEmpty();
    }

    /** What doctor with these options prints on b. */
    private static JsonNode whilePinging(EspLab lab, int size, String... options) {
        try (Pings there = new Pings(lab.a, B, size);
                Pings back = new Pings(lab.b, A, size)) {
            Limit.pause(1000); // SAs and devices are new, and the first packets find that out
            return doctor(lab.b, NOBODY, options);
        }
    }

    private static Set<String> errors(Host host) {
        return errors(host, NOBODY);
    }

    private static Set<String> errors(Host host, String docker) {
        return ids(doctor(host, docker).get("findings"), "error");
    }

    private static JsonNode doctor(Host host, String docker, String... options) {
        Shell.Result result = host.csumbpf(
                Shell.join(new String[] {"--json", "doctor", "--seconds", SECONDS, "--docker", docker}, options));
        JsonNode tree = Host.parse(result.out());
        JsonNode findings = tree.get("findings");
        result.ended(ids(findings, "error").isEmpty() ? 0 : 9);
        for (JsonNode finding : findings) {
            List<String> keys = new ArrayList<>();
            finding.fieldNames().forEachRemaining(keys::add);
            assertThat(keys).contains("id", "severity", "subject", "evidence", "meaning", "remedy", "follows_from");
        }
        return tree;
    }

    private static Set<String> ids(JsonNode findings, String severity) {
        Set<String> ids = new TreeSet<>();
        for (JsonNode finding : findings) {
            if (finding.get("severity").asText().equals(severity)) {
                ids.add(finding.get("id").asText());
            }
        }
        return ids;
    }
}
