// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.csumbpf.tests.kernel.DoctorSays.A;
import static org.csumbpf.tests.kernel.DoctorSays.B;
import static org.csumbpf.tests.kernel.DoctorSays.NO_DOCKER;
import static org.csumbpf.tests.kernel.DoctorSays.SMALL;
import static org.csumbpf.tests.kernel.DoctorSays.doctor;
import static org.csumbpf.tests.kernel.DoctorSays.ids;
import static org.csumbpf.tests.kernel.DoctorSays.whilePinging;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.assertj.core.api.AutoCloseableSoftAssertions;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
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
    private static final String FIX = "--fix";

    /** Data of a ping that makes a packet of 1,424 bytes, the overlay's MTU, and of 1,500. */
    private static final int FULL = 1396;

    private static final int TOO_LARGE = 1472;

    /**
     * What doctor must say.
     *
     * @param breakage as tests/lab/break.sh names it
     * @param id of the finding on b
     * @param severity of that; error: the only one; otherwise there is no error
     * @param size of the pings' data
     * @param onA the errors on a, which has another view of the same
     */
    private record Row(String breakage, String id, String severity, int size, List<String> onA) {
        static Row error(String breakage) {
            return error(breakage, breakage.split("\\.")[0]);
        }

        static Row error(String breakage, String id) {
            return new Row(breakage, id, "error", SMALL, List.of());
        }

        /** Traffic works, or nobody on this host can know that it does not. */
        static Row warning(String breakage) {
            return new Row(breakage, breakage, "warning", SMALL, List.of());
        }

        Row sized(int other) {
            return new Row(breakage, id, severity, other, onA);
        }

        Row onA(String... errors) {
            return new Row(breakage, id, severity, size, List.of(errors));
        }
    }

    private static final List<Row> NOT_ATTACHED = List.of(
            Row.error("nat-checksum").onA("nat-checksum"),
            Row.error("conntrack-invalid").onA("nat-checksum"));

    private static final List<Row> IPSEC = List.of(
            Row.error("spi-mismatch").onA("spi-mismatch"),
            Row.error("sa-missing").onA("not-encrypted"),
            Row.error("sa-address-mismatch").onA("not-encrypted"),
            Row.error("esp-blocked").onA("esp-blocked"),
            Row.error("esp-blocked.in"),
            Row.error("esp-one-way").onA("esp-blocked"),
            Row.error("not-encrypted").onA("not-encrypted"),
            Row.error("policy-port-mismatch").onA("not-encrypted"),
            Row.warning("guard-missing"),
            Row.error("replay-or-auth").onA("replay-or-auth"),
            Row.error("replay-or-auth.replay"));

    private static final List<Row> DELIVERY = List.of(
            Row.error("firewall-after-decryption"),
            Row.error("firewall-after-decryption.nft"),
            Row.error("fdb-source-mismatch"),
            Row.error("vxlan-port-conflict").onA("esp-blocked"),
            Row.error("vxlan-orphan").onA("esp-blocked"));

    private static final List<Row> SIZE = List.of(
            Row.warning("mtu-fragments").sized(TOO_LARGE),
            Row.error("fragments-lost").sized(TOO_LARGE).onA("fragments-lost"),
            Row.error("mtu-blackhole").sized(FULL).onA("mtu-blackhole"));

    /**
     * Two breakages at once.
     *
     * @param errors on b, in this order
     */
    private record Pair(String one, String other, List<String> errors) {
        static Pair of(String one, String other, String... errors) {
            return new Pair(one, other, List.of(errors));
        }
    }

    private static final List<Pair> PAIRS_NOT_ATTACHED = List.of(
            Pair.of("nat-checksum", "not-encrypted", "not-encrypted", "nat-checksum"),
            Pair.of("nat-checksum", "policy-port-mismatch", "policy-port-mismatch", "nat-checksum"));

    private static final List<Pair> PAIRS = List.of(
            Pair.of("not-encrypted", "firewall-after-decryption", "not-encrypted", "firewall-after-decryption"),
            Pair.of("not-encrypted", "fdb-source-mismatch", "not-encrypted", "fdb-source-mismatch"),
            Pair.of("policy-port-mismatch", "fdb-source-mismatch.entry", "policy-port-mismatch", "fdb-source-mismatch"),
            Pair.of("esp-one-way", "firewall-after-decryption", "esp-one-way", "firewall-after-decryption"),
            Pair.of("esp-one-way", "fdb-source-mismatch", "esp-one-way", "fdb-source-mismatch"),
            Pair.of("replay-or-auth", "not-encrypted", "not-encrypted", "replay-or-auth"),
            Pair.of("spi-mismatch", "not-encrypted", "not-encrypted", "spi-mismatch"));

    /** One of them csumbpf's own, which --fix puts back. */
    private static final List<Pair> PAIRS_WITH_LOSS = List.of(
            Pair.of("backstop-lost", "firewall-after-decryption", "backstop-lost", "firewall-after-decryption"),
            Pair.of("attachment-lost", "not-encrypted", "not-encrypted", "attachment-lost"),
            Pair.of("attachment-lost", "backstop-lost", "attachment-lost", "backstop-lost"),
            Pair.of("offload-unsafe", "esp-one-way", "esp-one-way", "offload-unsafe"),
            Pair.of("offload-unsafe", "fdb-source-mismatch", "offload-unsafe", "fdb-source-mismatch"),
            Pair.of("vxlan-port-conflict", "backstop-lost", "vxlan-port-conflict", "backstop-lost"),
            Pair.of("vxlan-orphan", "attachment-lost", "vxlan-orphan", "attachment-lost"),
            Pair.of("esp-blocked", "backstop-lost", "esp-blocked", "backstop-lost"),
            Pair.of("sa-missing", "backstop-lost", "sa-missing", "backstop-lost"));

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
            well(lab, "attached", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(4)
    @DisplayName("doctor: size, forwarding entries")
    void size() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            rows(lab, SIZE, softly, FIX);
            row(lab, Row.error("fdb-source-mismatch.entry").onA("esp-blocked"), softly, FIX);
            well(lab, "attached", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(5)
    @DisplayName("doctor: IPv6, Docker's nftables rules")
    void ipv6() {
        try (EspLab lab = new EspLab("DEVICES=docker", "FAMILY=6", "GUARD=nft", "OVERLAY_MTU=1404");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            rows(lab, NOT_ATTACHED, softly);
            lab.attach();
            rows(lab, IPSEC, softly, FIX);
            rows(lab, DELIVERY, softly, FIX);
            // But fragments, which IPv6 does not have here.
            SIZE.stream()
                    .filter(row -> !row.breakage.equals("fragments-lost"))
                    .forEach(row -> row(lab, row, softly, FIX));
            well(lab, "IPv6", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(6)
    @DisplayName("doctor: two causes")
    void pairs() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            PAIRS_NOT_ATTACHED.forEach(pair -> pair(lab, pair, softly));
            lab.attach();
            PAIRS.forEach(pair -> pair(lab, pair, softly));
            for (Pair pair : PAIRS_WITH_LOSS) {
                pair(lab, pair, softly);
                lab.b.csumbpf("restore", "eth0").ok();
            }
            well(lab, "attached", softly);
        }
    }

    private static void pair(EspLab lab, Pair pair, AutoCloseableSoftAssertions softly) {
        lab.damage(pair.one);
        lab.damage(pair.other);
        JsonNode findings = whilePinging(lab, SMALL).get(lab.b).get("findings");
        lab.mend(pair.other);
        lab.mend(pair.one);
        softly.assertThat(ids(findings, "error"))
                .as("errors with %s and %s, of %s", pair.one, pair.other, findings.toPrettyString())
                .containsExactlyElementsOf(pair.errors);
    }

    @Test
    @Tag("test-all")
    @Order(7)
    @DisplayName("doctor: csumbpf itself")
    void attachments() throws IOException {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            row(lab, Row.error("offload-unsafe").onA("offload-unsafe"), softly); // one kernel

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
            row(lab, Row.error("esp-module-disabled").onA("esp-module-disabled"), softly, FIX);
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
    @Order(8)
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
    @Order(9)
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
        Map<Host, JsonNode> said = whilePinging(lab, row.size, options);
        JsonNode tree = said.get(lab.b);
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
        JsonNode onA = said.get(lab.a).get("findings");
        softly.assertThat(ids(onA, "error"))
                .as("errors on a with %s, of %s", row.breakage, onA.toPrettyString())
                .containsExactlyElementsOf(row.onA);
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
        JsonNode tree = whilePinging(lab, SMALL, FIX).get(lab.b);
        JsonNode steps = tree.get("steps");
        String what = "fix of " + id + ": " + tree.toPrettyString();
        softly.assertThat(steps).as(what).hasSize(1);
        softly.assertThat(steps.path(0).path("id").asText()).as(what).isEqualTo(id);
        softly.assertThat(steps.path(0).path("outcome").asText()).as(what).isEqualTo("done");
        List<String> words = new ArrayList<>();
        steps.path(0).path("command").forEach(word -> words.add(word.asText()));
        softly.assertThat(words).as(what).containsExactly(command);
        softly.assertThat(ids(tree.get("findings"), "error")).as(what).isEmpty();
        JsonNode again = whilePinging(lab, SMALL, FIX).get(lab.b);
        softly.assertThat(again.get("steps"))
                .as("again: %s", again.toPrettyString())
                .isEmpty();
    }

    /** Nothing is wrong on a and b, and packets pass. */
    private static void well(EspLab lab, String what, AutoCloseableSoftAssertions softly) {
        softly.assertThat(lab.loss(lab.b, A)).as("loss: " + what).isZero();
        whilePinging(lab, SMALL)
                .forEach((host, tree) -> softly.assertThat(ids(tree.get("findings"), "error"))
                        .as("errors: %s, on %s, of %s", what, host.name, tree.toPrettyString())
                        .isEmpty());
    }

    private static Set<String> errors(Host host) {
        return errors(host, NO_DOCKER);
    }

    private static Set<String> errors(Host host, String docker) {
        return ids(doctor(host, docker).get("findings"), "error");
    }
}
