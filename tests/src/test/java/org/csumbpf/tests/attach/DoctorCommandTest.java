// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void aHostWithoutIpsecIsWell() {
        Shell.Result result = PrivateWorld.run("add n\ncsumbpf --netns n --json doctor --seconds 1 --docker /nosuch\n");
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .doesNotContain("\"severity\" : \"error\"")
                .doesNotContain("\"severity\" : \"warning\"");
    }
}
