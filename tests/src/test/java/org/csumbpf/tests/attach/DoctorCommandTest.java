// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** doctor on hosts that this kernel can have, which may lack ESP. DoctorTest breaks hosts with ESP. */
@Tag("root")
class DoctorCommandTest {
    /** As engines from 29.6 on make it. The device of VNI 79 stayed behind. */
    private static final String HOST = """
            add n
            ip -n n address add 10.0.0.2/24 dev w1
            ip -n n xfrm policy add src 10.0.0.2 dst 203.0.113.2 proto udp dport 4789 mark 0xd0c4e3 dir out \\
            	tmpl src 10.0.0.2 dst 203.0.113.2 proto esp reqid 13681891 mode transport
            nsenter --net=/run/netns/n nft -f - <<END
            table ip docker-overlay {
            	set encrypted-vnis { typeof @th,96,24; elements = { 77 } }
            	chain enc-out {
            		type route hook output priority mangle;
            		udp dport 4790 @th,96,24 @encrypted-vnis counter meta mark set 0xd0c4e3
            	}
            	chain enc-in {
            		type filter hook input priority raw;
            		meta secpath missing udp dport 4790 @th,96,24 @encrypted-vnis counter drop
            	}
            }
            END
            ip netns add other
            ip -n n link add vx0 type vxlan id 77 dstport 4790 local 10.0.0.2
            ip -n n link set vx0 netns other
            ip -n other link set vx0 up
            bridge -n other fdb append 02:42:0a:00:09:02 dev vx0 dst 203.0.113.2 self permanent
            ip -n n link add vx-00004f-abcde type vxlan id 79 dstport 4789
            """;

    /**
     * Of somebody else: a firewall, and a qdisc. {@code state NAME} prints all that a namespace has besides programs; a
     * table that is made again comes last.
     */
    private static final String FOREIGN = """
            state() {
            	nsenter --net=/run/netns/$1 sh -c 'nft -s list ruleset; tc qdisc show; ip -o link; ip xfrm policy; bridge fdb' | sort
            }
            foreign() {
            	nsenter --net=/run/netns/n nft 'table inet fw { chain in { type filter hook input priority 0; udp dport 4789 counter drop; }; }'
            	tc -n n qdisc add dev w0 root pfifo limit 7
            }
            """;

    private static final String FIX = "csumbpf --netns n doctor --fix --seconds 0 --docker /nosuch";

    private static final String DOCTOR = "csumbpf --netns n doctor --seconds 1 --docker ";

    @TempDir
    private Path folder;

    @Test
    void namesWhatIsWrongAndTheBundleHasTheSame() {
        String bundle = folder.resolve("b.json").toString();
        Shell.Result result = PrivateWorld.run(
                HOST + DOCTOR + "/nosuch --bundle " + Shell.line(bundle) + " --anonymize || echo rc $?\n"
                        + "csumbpf doctor --json --from " + Shell.line(bundle) + " || echo rc $?\n");
        assertThat(result.err())
                .contains("watching for 1 s")
                .contains("wrote " + bundle)
                .doesNotContain("\tat ");
        assertThat(result.out())
                .contains(
                        "policy-port-mismatch: vx0 uses UDP port 4790, and the policies encrypt what goes to port 4789")
                .contains("vxlan-orphan: the VXLAN device vx-00004f-abcde of Docker")
                .contains("203.0.113.2 is a peer of an encrypted overlay (device vx0 forwards to it)")
                .contains("rc 9")
                .contains("\"id\" : \"policy-port-mismatch\"");
        assertThat(Path.of(bundle)).content().contains("vx-00004f-abcde").doesNotContain("203.0.113.2", "10.0.0.2");
    }

    /** Anybody in the Swarm names networks and nodes. */
    @Test
    void namesAreHostile() {
        String info =
                "{\"ServerVersion\":\"29.1.3\",\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"10.0.0.2\"}}";
        String networks = "[{\"Name\":\"a\\u001b[31mb\\nc\",\"Options\":{\"encrypted\":\"\","
                + "\"com.docker.network.driver.overlay.vxlanid_list\":\"77\"}}]";
        String peers =
                "{\"Peers\":[{\"Name\":\"x\\u001b[1m\\ny\",\"IP\":\"203.0.113.2\"},{\"Name\":\"z\",\"IP\":\"203.0.113.2\"}]}";
        Path socket = folder.resolve("docker.sock");
        try (FakeDocker docker = new FakeDocker(
                socket,
                path -> path.equals("/info")
                        ? info
                        : path.startsWith("/networks?") ? networks : path.startsWith("/networks/") ? peers : "{}")) {
            Shell.Result result = PrivateWorld.run(HOST + DOCTOR + Shell.line(socket.toString()) + " || echo rc $?\n");
            assertThat(result.out())
                    .contains("many-behind-one: Docker knows 2 nodes by the address 203.0.113.2: x\\x1b[1m\\ny, z")
                    .doesNotContain("\u001b");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void fixesWhatAnAttachmentLost(String hook) {
        Shell.Result result = PrivateWorld.run(FOREIGN + """
                add n
                foreign
                csumbpf --netns n attach w1 --vni 7 --backstop always --hook %s >/dev/null
                state n >/run/before
                rm -f $pins/*/*/link
                tc -n n qdisc del dev w1 clsact 2>/dev/null || true
                nsenter --net=/run/netns/n nft delete table ip csumbpf
                fails 9 csumbpf --netns n status >/dev/null
                fails 9 csumbpf --netns n doctor --seconds 0 --docker /nosuch
                echo "== fix"
                %s
                echo "== again"
                %s
                csumbpf --netns n status >/dev/null
                state n | diff /run/before -
                csumbpf --netns n detach w1 >/dev/null
                """.formatted(hook, FIX, FIX));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        String[] parts = result.out().split("== .*\n");
        assertThat(parts[0]).contains("next: csumbpf --netns n restore w1").doesNotContain("\nfix ", "\nleft ");
        assertThat(parts[1])
                .containsSubsequence(
                        "error   attachment-lost: ",
                        "error   backstop-lost: ",
                        "\nfix     attachment-lost: csumbpf --netns n restore w1\n        done\ninfo    ")
                .containsOnlyOnce("\nfix ")
                .doesNotContain("\nleft ");
        assertThat(parts[2]).contains("\nfix     nothing to fix\n").doesNotContain("error");
        assertThat(result.err())
                .contains("csumbpf: 'csumbpf --netns n doctor --fix' does: csumbpf --netns n restore w1\n")
                .doesNotContain("\tat ");
    }

    @Test
    void aStepThatFailsKeepsNoOtherFromBeingTried() {
        String bundle = folder.resolve("b.json").toString();
        Shell.Result result = PrivateWorld.run("""
                add n
                ip -n n link add v0 type veth peer v1
                csumbpf --netns n attach w1 --backstop always >/dev/null
                csumbpf --netns n attach v1 --unverified --backstop never >/dev/null
                rm $pins/*/*/link
                # Of somebody else, who has the name.
                nsenter --net=/run/netns/n nft 'delete table ip csumbpf; table ip csumbpf { chain x { }; }'
                fails 9 %s --json --bundle %s
                nsenter --net=/run/netns/n nft list table ip csumbpf | grep -q 'chain x'
                """.formatted(FIX, Shell.line(bundle)));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        JsonNode tree = Host.parse(result.out());
        assertThat(tree.at("/steps/0/command").toString())
                .isEqualTo("[\"csumbpf\",\"--netns\",\"n\",\"restore\",\"w1\"]");
        assertThat(tree.at("/steps/0/outcome").asText()).isEqualTo("failed");
        assertThat(tree.at("/steps/0/error").asText()).contains("table ip csumbpf was not made by csumbpf");
        assertThat(tree.at("/steps/1/id").asText()).isEqualTo("attachment-lost");
        assertThat(tree.at("/steps/1/subject").asText()).isEqualTo("v1");
        assertThat(tree.at("/steps/1/outcome").asText()).isEqualTo("done");
        assertThat(tree.at("/steps/1/error").isNull()).isTrue();
        assertThat(tree.get("steps")).hasSize(2);
        assertThat(subjects(tree)).contains("w1").doesNotContain("v1");
        // What was before.
        assertThat(subjects(Host.parse(read(bundle)).get("findings"))).contains("w1", "v1");
    }

    private static List<String> subjects(JsonNode tree) {
        return tree.get("findings").findValuesAsText("subject");
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void anAttachmentFollowsItsDevice() {
        Shell.Result result = PrivateWorld.run("""
                add n
                ip netns add other
                csumbpf --netns n attach w1 --unverified --backstop never >/dev/null
                ip -n n link set w1 netns other
                %s
                csumbpf --netns other status w1
                """.formatted(FIX));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("\nfix     attachment-lost: csumbpf --netns other restore w1\n        done\n")
                .contains("other/w1: attached");
    }

    @Test
    void leavesWhatIsNotOursAlone() {
        Shell.Result result = PrivateWorld.run(FOREIGN + HOST + """
                # A module that can be loaded would be.
                [ ! -d /lib/modules ] || mount -t tmpfs none /lib/modules
                foreign
                csumbpf --netns n attach w1 --unverified --backstop never >/dev/null
                ip -n n link delete w1
                state n >/run/before
                state other >/run/other
                fails 9 %s
                state n | diff /run/before -
                state other | diff /run/other -
                """.formatted(FIX));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("\nfix     nothing to fix that csumbpf itself may fix\n")
                .containsOnlyOnce("policy-port-mismatch: ")
                .containsPattern(
                        "\nleft    [^\n]*vxlan-orphan[^\n]*attachment-lost[^\n]*: a person must do what 'next' says")
                .contains("next: csumbpf --netns n detach w1");
    }

    @Test
    void fixingNeedsWhatAttachNeeds() {
        Shell.Result result = PrivateWorld.run("""
                command=%s
                fails 3 nobody $command doctor --fix --seconds 0
                # Who may read only.
                fails 3 setpriv --reuid=65534 --clear-groups --inh-caps=+bpf,+net_admin --ambient-caps=+bpf,+net_admin $command doctor --fix --seconds 0
                """.formatted(Shell.line(Shell.csumbpf())));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.err()).contains("not permitted: needs CAP_NET_ADMIN and CAP_BPF and CAP_PERFMON");
    }

    @Test
    void aHostWithoutIpsecIsWell() {
        Shell.Result result = PrivateWorld.run("add n\ncsumbpf --netns n --json doctor --seconds 1 --docker /nosuch\n");
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .doesNotContain("\"severity\" : \"error\"")
                .doesNotContain("\"severity\" : \"warning\"");
    }
}
