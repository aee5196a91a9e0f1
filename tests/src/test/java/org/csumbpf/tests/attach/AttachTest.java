// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Change;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.Ethtool;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.loader.host.TcFilter;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The installed command on this host's kernel. There is no ESP here: rules need no proof, or --force overrides the
 * refusal.
 */
@Tag("root")
class AttachTest {
    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab();
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void attachesAndDetachesWithoutATrace(String hook) {
        lab.csumbpf("attach", "w1", "--vni", "4109,0x1000-0x1002", "--unverified", "--hook", hook)
                .ok();
        JsonNode status = lab.status().orElseThrow();
        assertThat(status.get("state").asText()).isEqualTo("attached");
        assertThat(status.get("hook").asText()).isEqualTo(hook);
        assertThat(status.get("interface").asText()).isEqualTo("w1");
        assertThat(status.get("netns_name").asText()).isEqualTo(lab.name);
        assertThat(lab.rules()).containsExactly("4096 auto", "4097 auto", "4098 auto", "4109 auto");
        assertThat(lab.csumbpf("status").ok().out()).contains(lab.name + "/w1: attached (" + hook);
        assertThat(lab.hostChanges()).isEqualTo(hook.equals("clsact") ? List.of("clsact") : List.of());

        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.status()).isEmpty();
        assertThat(lab.traces()).isEmpty();
        assertThat(lab.csumbpf("detach", "w1").code()).isEqualTo(6);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void theSameAgainChangesNothing(String hook) {
        String[] attach = {"attach", "w1", "--vni", "5", "--unverified", "--hook", hook};
        lab.csumbpf(attach).ok();
        JsonNode before = lab.status().orElseThrow();
        assertThat(lab.csumbpf(attach).ok().out()).contains("nothing to change");
        assertThat(lab.status().orElseThrow()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void otherOptionsChangeRulesInPlaceOrSwapTheProgram(String hook) {
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified", "--hook", hook)
                .ok();
        int first = lab.status().orElseThrow().get("program_id").asInt();
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified", "--mode", "observe")
                .ok();
        assertThat(lab.rules()).containsExactly("5 observe");
        assertThat(lab.status().orElseThrow().get("program_id").asInt()).isEqualTo(first);

        lab.csumbpf("attach", "w1", "--vni", "6-8", "--unverified", "--port", "7789")
                .ok();
        assertThat(lab.rules()).containsExactly("6 auto", "7 auto", "8 auto");
        JsonNode status = lab.status().orElseThrow();
        assertThat(status.get("port").asInt()).isEqualTo(7789);
        assertThat(status.get("program_id").asInt()).isNotEqualTo(first);
        assertThat(status.get("hook").asText()).isEqualTo(hook);
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void vniAddAndRemove() {
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified").ok();
        lab.csumbpf("vni", "add", "w1", "7", "--mode", "zero", "--unverified").ok();
        lab.csumbpf("vni", "add", "w1", "8,9", "any", "--mode", "recompute", "--unverified")
                .ok();
        assertThat(lab.rules()).containsExactly("any recompute", "5 auto", "7 zero", "8 recompute", "9 recompute");
        assertThat(lab.csumbpf("vni", "list").ok().out())
                .contains("vni 5: mode auto, unverified")
                .contains("vni 8-9: mode recompute");
        lab.csumbpf("vni", "remove", "w1", "5,8-9", "any").ok();
        assertThat(lab.rules()).containsExactly("7 zero");
        assertThat(lab.csumbpf("vni", "remove", "w1", "5").ok().out()).contains("nothing to change");
    }

    @Test
    void theFirstRuleThatAsksForProofPreparesTheHostOrSaysWhatIsMissing() {
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified").ok();
        assertThat(lab.csumbpf("vni", "add", "w1", "6").ok().out()).contains("added the nftables backstop");
        assertThat(lab.status().orElseThrow().get("path").asText()).isEqualTo("backstop");
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified", "--backstop", "never")
                .ok();
        assertThat(lab.csumbpf("vni", "add", "w1", "6").ok().err()).contains("GRO is off on w1");
        assertThat(lab.csumbpf("vni", "add", "w1", "7").ok().err()).isEmpty();
    }

    @Test
    void sixteenThousandVnis() {
        lab.csumbpf("attach", "w1", "--vni", "1-16384", "--unverified").ok();
        assertThat(lab.rules()).hasSize(16_384);
        lab.csumbpf("vni", "remove", "w1", "2-16383").ok();
        assertThat(lab.rules()).containsExactly("1 auto", "16384 auto");
    }

    @Test
    void foreignTcxProgramsStayInTheirOrder() {
        int ifindex = lab.ifindex("w1");
        try (BpfProgram one = Lab.load(Lab.foreign());
                BpfProgram two = Lab.load(Lab.foreign());
                TcxLink before = lab.call(() -> TcxLink.attachFirst(one, ifindex))) {
            assertThat(before.info().ifindex()).isEqualTo(ifindex);
            lab.csumbpf("attach", "w1", "--unverified").ok();
            int ours = lab.status().orElseThrow().get("program_id").asInt();
            try (TcxLink after = lab.call(() -> TcxLink.attachFirst(two, ifindex))) {
                int first = after.info().programId();
                int last = before.info().programId();
                assertThat(lab.call(() -> TcxLink.query(ifindex))).containsExactly(first, ours, last);
                lab.csumbpf("attach", "w1", "--unverified", "--vni", "1-3").ok();
                int swapped = lab.status().orElseThrow().get("program_id").asInt();
                assertThat(lab.call(() -> TcxLink.query(ifindex))).containsExactly(first, swapped, last);
                lab.csumbpf("detach", "w1").ok();
                assertThat(lab.call(() -> TcxLink.query(ifindex))).containsExactly(first, last);
            }
        }
    }

    @Test
    void foreignFiltersAndTheirQdiscStay() throws IOException {
        Path object = Files.createTempFile("foreign", ".o");
        Lab.compile(object);
        int ifindex = lab.ifindex("w1");
        lab.tc("qdisc", "add", "dev", "w1", "clsact");
        lab.filter("ingress", 5, object);
        lab.csumbpf("attach", "w1", "--unverified", "--hook", "clsact").ok();
        lab.filter("ingress", 50, object);
        assertThat(priorities(ifindex)).containsExactly(5, 17, 50);
        lab.csumbpf("attach", "w1", "--unverified", "--vni", "1-3").ok();
        assertThat(priorities(ifindex)).containsExactly(5, 17, 50);
        lab.csumbpf("detach", "w1").ok();
        assertThat(priorities(ifindex)).containsExactly(5, 50);
        Files.delete(object);
    }

    @Test
    void aQdiscOfOursThatOthersUseStays() throws IOException {
        Path object = Files.createTempFile("foreign", ".o");
        Lab.compile(object);
        lab.csumbpf("attach", "w1", "--unverified", "--hook", "clsact").ok();
        lab.filter("egress", 5, object);
        Shell.Result detach = lab.csumbpf("detach", "w1").ok();
        assertThat(detach.err()).contains("the clsact qdisc of w1 stays");
        assertThat(lab.call(() -> Rtnetlink.filters(lab.ifindex("w1"), true))).hasSize(1);
        Files.delete(object);
    }

    @Test
    void aForeignFilterAtOurAttachPointIsNotTouched() {
        lab.tc("qdisc", "add", "dev", "w1", "clsact");
        lab.u32Filter(17);
        Shell.Result attach = lab.csumbpf("attach", "w1", "--unverified", "--hook", "clsact");
        assertThat(attach.code()).isEqualTo(7);
        assertThat(attach.err()).contains("tc priority 17 is taken").hasLineCount(1);
        assertThat(lab.call(() -> Rtnetlink.filters(lab.ifindex("w1"), false)))
                .extracting(TcFilter::kind)
                .contains("u32");
        assertThat(lab.status()).isEmpty();
    }

    @Test
    void refusesWhereDecryptedPacketsCannotComeAndSaysWhatToDo() {
        Shell.Result refused = lab.csumbpf("attach", "w1", "--backstop", "never");
        assertThat(refused.code()).isEqualTo(5);
        assertThat(refused.err())
                .contains("GRO is off on w1", "; run 'ethtool -K w1 gro on'")
                .contains("--force")
                .hasLineCount(1);
        assertThat(lab.traces()).isEmpty();

        lab.csumbpf("attach", "w1", "--force", "--backstop", "never").ok();
        assertThat(lab.status().orElseThrow().get("problems").toString()).contains("GRO is off on w1");
    }

    @Test
    void switchesGroOnAndDetachOff() {
        Shell.Result attach = lab.csumbpf("attach", "w1", "--force", "--enable-gro", "--backstop", "never")
                .ok();
        assertThat(attach.out()).contains("switched GRO on");
        assertThat(lab.call(() -> Ethtool.gro("w1"))).isTrue();
        assertThat(lab.hostChanges()).containsExactly("gro");
        lab.csumbpf("attach", "w1", "--force", "--enable-gro", "--backstop", "never")
                .ok();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.call(() -> Ethtool.gro("w1"))).isFalse();

        Shell.run(lab.in("ethtool", "-K", "w1", "gro", "on")).ok();
        lab.csumbpf("attach", "w1", "--force", "--enable-gro", "--backstop", "never")
                .ok();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.call(() -> Ethtool.gro("w1")))
                .as("GRO that was on before stays on")
                .isTrue();
    }

    /** As 'csumbpf doctor --fix' does it. */
    @Test
    void switchesGroOnForWhatIsAttachedAndDetachOff() {
        lab.csumbpf("attach", "w1", "--vni", "5", "--force", "--backstop", "never")
                .ok();
        try (NetworkNamespace netns = NetworkNamespace.named(lab.name)) {
            assertThat(Attachments.enableGro(netns, "w1").result().changes())
                    .extracting(Change::id)
                    .containsExactly(Change.Id.GRO_ON);
            assertThat(Attachments.enableGro(netns, "w1").result().changes()).isEmpty();
        }
        assertThat(lab.call(() -> Ethtool.gro("w1"))).isTrue();
        assertThat(lab.hostChanges()).containsExactly("gro");
        assertThat(lab.rules()).containsExactly("5 auto");
        // It is part of what is asked for now.
        Shell.run(lab.in("ethtool", "-K", "w1", "gro", "off")).ok();
        assertThat(lab.csumbpf("restore", "w1").ok().out()).contains("switched GRO on");
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.call(() -> Ethtool.gro("w1"))).isFalse();
    }

    @Test
    void genericXdpIsAnObstacle() throws IOException {
        Path object = Files.createTempFile("foreign", ".o");
        Lab.compile(object);
        lab.ipIn("link", "set", "dev", "w1", "xdpgeneric", "obj", object.toString(), "sec", "xdp");
        Shell.Result refused = lab.csumbpf("attach", "w1", "--backstop", "never");
        assertThat(refused.code()).isEqualTo(5);
        assertThat(refused.err()).contains("'ip link set dev w1 xdpgeneric off'");
        Files.delete(object);
    }

    @Test
    void anInterfaceThatIsGoneCanStillBeDetached() {
        lab.csumbpf("attach", "w1", "--unverified").ok();
        lab.ipIn("link", "del", "w1");
        assertThat(lab.status().orElseThrow().get("state").asText()).isEqualTo("interface_gone");
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.status()).isEmpty();
        assertThat(lab.csumbpf("detach", "w1").code()).isEqualTo(4);
    }

    @Test
    void aRenamedInterfaceKeepsItsAttachment() {
        lab.csumbpf("attach", "w1", "--unverified").ok();
        lab.ipIn("link", "set", "w1", "down");
        lab.ipIn("link", "set", "w1", "name", "eth0.100");
        assertThat(lab.status().orElseThrow().get("interface").asText()).isEqualTo("eth0.100");
        lab.csumbpf("attach", "eth0.100", "--unverified").ok();
        lab.csumbpf("detach", "eth0.100").ok();
        lab.ipIn("link", "set", "eth0.100", "name", "w1");
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void aNamespaceThatIsGoneIsRemovedByDetachAll() {
        assertThat(Shell.run(Shell.csumbpf("status")).ok().out())
                .as("this test detaches all: not on a host with attachments of its own")
                .isEqualToIgnoringNewLines("nothing is attached");
        try (Lab other = new Lab()) {
            other.csumbpf("attach", "w1", "--unverified", "--hook", "clsact").ok();
            Path pins = other.pins();
            assertThat(pins).exists();
            Lab.ip("netns", "del", other.name);
            assertThat(Shell.run(Shell.csumbpf("status")).ended(9).out()).contains("network namespace not found");
            Shell.run(Shell.csumbpf("detach", "--all")).ok();
            assertThat(pins).doesNotExist();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "2, attach w1 --vni 16777216",
        "2, attach w1 --vni 9-3",
        "2, attach w1 --vni 1-2-3",
        "2, attach w1 --vni x",
        "2, attach w1 --vni ''",
        "2, attach w1 --vni 0-16777215",
        "2, attach w1 --port 0",
        "2, attach w1 --port 65536",
        "2, attach w1 --port x",
        "2, attach w1 --mode fast",
        "2, attach w1 --plaintext maybe",
        "2, attach w1 --backstop perhaps",
        "2, attach w1 --unverified --plaintext drop",
        "2, attach w1 --verify 8",
        "2, attach w1 --mode adjust --verify 0",
        "2, attach",
        "2, attach w1 w2",
        "2, detach",
        "2, detach w1 --all",
        "2, vni",
        "2, vni add w1",
        "2, frobnicate",
        "2, stats --watch 0",
        "4, attach nosuch0",
        "4, detach nosuch0",
        "6, detach w1",
        "6, status w1",
        "6, vni add w1 5",
    })
    void badInputGetsOneLineAndLeavesNothing(int code, String line) {
        String[] netns = {"--netns", lab.name};
        Shell.Result result =
                Shell.here(Shell.join(netns, line.replace("''", "").split(" ", -1)));
        assertThat(result.code()).as(result.err()).isEqualTo(code);
        assertThat(result.err()).startsWith("csumbpf").hasLineCount(1).doesNotContain("Exception");
        assertThat(result.out()).isEmpty();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void anUnknownNamespaceIsNamed() {
        Shell.Result result = Shell.run(Shell.csumbpf("--netns", "cbt-nosuch", "status"));
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).contains("cbt-nosuch").hasLineCount(1);
        assertThat(Shell.run(Shell.csumbpf("--netns", "/etc/passwd", "status")).code())
                .isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"attach w1", "status", "detach w1", "vni list", "stats"})
    void withoutPrivilegesItSaysSo(String line) {
        String[] unprivileged = {"setpriv", "--bounding-set=-all", "--inh-caps=-all"};
        Shell.Result result = Shell.run(Shell.join(unprivileged, lab.command(line.split(" "))));
        assertThat(result.code()).as(result.err()).isEqualTo(3);
        assertThat(result.err()).contains("not permitted").contains("sudo").hasLineCount(1);
    }

    /** In a PrivateWorld, because entering a namespace and mounting need CAP_SYS_ADMIN. */
    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void theCapabilitiesThatTheHelpNamesSuffice(String hook) {
        Shell.Result result = PrivateWorld.run("""
                only() { local caps=$1; shift; setpriv --bounding-set=-all,$caps --inh-caps=-all %s "$@"; }
                ip link add w0 type veth peer w1
                fails 3 only +bpf,+net_admin attach w1 --unverified
                fails 3 only +bpf,+perfmon attach w1 --unverified
                hooks /proc/self/ns/net
                only +bpf,+net_admin,+perfmon attach w1 --vni 5 --force --hook %s
                only +bpf,+net_admin,+perfmon vni add w1 6 7
                only +bpf,+net_admin,+perfmon attach w1 --vni 5-9 --force
                only +bpf,+net_admin status
                only +bpf,+net_admin stats
                only +bpf,+net_admin vni list
                fails 3 only +bpf status
                only +bpf,+net_admin,+perfmon restore w1
                fails 3 only +bpf,+net_admin detach w1
                only +bpf,+net_admin,+perfmon detach w1
                only +bpf,+net_admin status
                hooks /proc/self/ns/net
                """.formatted(Shell.line(Shell.csumbpf()), hook));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("w1: attached (" + hook, "vni 5-9: mode auto", "everything is in place")
                .endsWith("nothing is attached\n");
        assertThat(result.err()).contains("needs CAP_NET_ADMIN and CAP_BPF and CAP_PERFMON");
    }

    @Test
    void underIpNetnsExecItRefusesWithTheRightCommand() {
        String[] exec = {"ip", "netns", "exec", lab.name};
        Shell.Result result = Shell.run(Shell.join(exec, Shell.csumbpf("attach", "w1", "--unverified")));
        assertThat(result.code()).isEqualTo(5);
        assertThat(result.err())
                .contains("csumbpf --netns " + lab.name + " attach w1 --unverified")
                .hasLineCount(1);
        Shell.run(lab.in(Shell.csumbpf("attach", "w1", "--unverified"))).ok();
        assertThat(lab.status()).as("by nsenter it works").isPresent();
    }

    @Test
    void helpDocumentsExitCodesAndCosts() {
        String help = Shell.run(Shell.csumbpf("--help")).ok().out();
        for (int code : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 10}) {
            assertThat(help).containsPattern("(?m)^ +" + code + "  ");
        }
        assertThat(Shell.run(Shell.csumbpf("attach", "--help")).ok().out().replaceAll("\\s+", " "))
                .contains("--unverified")
                .contains("The risk: corrupt or forged VXLAN packets");
        assertThat(Shell.run(Shell.csumbpf("--version")).ok().out()).matches("csumbpf \\d+\\.\\d+\\.\\d+\\s+");
    }

    private List<Integer> priorities(int ifindex) {
        return lab.call(() -> Rtnetlink.filters(ifindex, false)).stream()
                .map(TcFilter::priority)
                .toList();
    }
}
