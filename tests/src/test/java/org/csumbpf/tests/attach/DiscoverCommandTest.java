// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** discover with the policies, routes and devices of this kernel, which may have no ESP. DiscoverTest has SAs. */
@Tag("root")
class DiscoverCommandTest {
    private static final String HOST = """
            add n
            ip -n n address add 10.0.0.2/24 dev w1
            ip -n n xfrm policy add src 10.0.0.2 dst 203.0.113.2 proto udp dport 4790 mark 1 dir out \\
            	tmpl src 10.0.0.2 dst 203.0.113.2 proto esp reqid 1 mode transport
            ip -n n link add vx0 type vxlan id 77 dstport 4790 local 10.0.0.2
            ip netns add other
            ip -n other link add vx1 type vxlan id 78 dstport 4790 noudpcsum
            """;

    @TempDir
    private Path folder;

    @Test
    void policiesAndDevices() {
        Shell.Result result = PrivateWorld.run(HOST + "csumbpf --netns n discover --docker /nosuch\n");
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err()).isEmpty();
        assertThat(result.out().lines())
                .containsExactly(
                        "nothing to repair is known: no SA of ESP in transport mode ends at an address of this network"
                                + " namespace, and no Docker engine was asked",
                        "port 4790: an IPsec policy encrypts what is sent to it",
                        "vni 77: device vx0 on port 4790",
                        "vni 78: device vx1 on port 4790 in /run/netns/other, sends no UDP checksums over IPv4");
    }

    /** Anybody in the Swarm names networks. */
    @Test
    void dockerNamesTheInterfaceBeforeThereIsAnAssociation() {
        String info = "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"10.0.0.2\"}}";
        String networks = "[{\"Name\":\"a\\u001b[31mb\\nc\",\"Options\":{\"encrypted\":\"\","
                + "\"com.docker.network.driver.overlay.vxlanid_list\":\"77\"}}]";
        Path socket = folder.resolve("docker.sock");
        try (FakeDocker docker = new FakeDocker(socket, path -> path.equals("/info") ? info : networks)) {
            String discover = "csumbpf --netns n discover --docker " + Shell.line(socket.toString());
            Shell.Result result = PrivateWorld.run(HOST + discover + "\n"
                    + "$(" + discover + " | sed -n 's/^next: //p')\n" // the command that it advises
                    + discover + " --json\n");
            assertThat(result.code()).as(result.out() + result.err()).isZero();
            assertThat(result.out())
                    .contains("w1: csumbpf is not attached\n  has this node's address in Docker's Swarm, 10.0.0.2\n")
                    .contains("vni 77: network a\\x1b[31mb\\nc, encrypted, device vx0 on port 4790\n")
                    .contains("next: csumbpf --netns n attach w1 --port 4790\n")
                    .contains("\"attached\" : true")
                    .contains("\"commands\" : [ ]")
                    .doesNotContain("\u001b");
        }
    }

    @Test
    void anEngineThatIsNoneIsReportedAndTheRestIsShown() {
        Path socket = folder.resolve("docker.sock");
        try (FakeDocker docker = new FakeDocker(socket, path -> "nonsense")) {
            Shell.Result result = PrivateWorld.run(
                    HOST + "csumbpf --netns n discover --docker " + Shell.line(socket.toString()) + "\n");
            assertThat(result.code()).isZero();
            assertThat(result.err()).hasLineCount(1).startsWith("csumbpf: warning: not read: Docker at " + socket);
            assertThat(result.out()).contains("vni 77: device vx0");
        }
    }
}
