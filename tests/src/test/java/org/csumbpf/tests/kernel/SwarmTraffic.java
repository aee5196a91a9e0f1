// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Swarm;

/** What a user expects of the traffic in a Swarm that is alive. */
final class SwarmTraffic {
    static final int SMALL = 56;
    /** The largest ping that fits: the encrypted overlay's MTU is 1,424. */
    static final int FULL_SIZE = 1396;

    private final Swarm swarm;

    SwarmTraffic(Swarm swarm) {
        this.swarm = swarm;
    }

    /** An encrypted network is created, works both ways and is removed, and again with another subnet. */
    void networksComeAndGo() {
        for (String subnet : List.of("10.0.12.0/24", "10.0.13.0/24")) {
            swarm.create("later", subnet);
            awaitNoLoss("later");
            assertThat(swarm.loss(swarm.b, swarm.a, "later", SMALL)).isZero();
            swarm.remove("later");
        }
    }

    /** A container's first packets wait for the address of the other one. */
    private void awaitNoLoss(String network) {
        Limit.await(
                "no loss on " + network,
                Limit.seconds(20),
                () -> swarm.loss(swarm.a, swarm.b, network, SMALL),
                loss -> loss == 0);
    }

    /** Everything that a user expects of a Swarm. */
    void works() {
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).as("loss").isZero();
        // If the host's own MTU is too small, the VXLAN device answers a container's first large packet with ICMP and
        // drops it.
        assertThat(swarm.loss(swarm.b, swarm.a, "secret", FULL_SIZE))
                .as("loss while the container learns the MTU")
                .isLessThanOrEqualTo(20);
        assertThat(swarm.loss(swarm.b, swarm.a, "secret", FULL_SIZE))
                .as("loss of full-size packets")
                .isZero();
        assertThat(swarm.transfer(swarm.a, swarm.b, "secret", 4))
                .as("4 MB arrive whole")
                .isTrue();
        assertThat(swarm.published())
                .as("replicas that answer to the published port")
                .containsExactlyInAnyOrder("swarm-a", "swarm-b");
        assertThat(swarm.loss(swarm.a, swarm.b, "plain", SMALL))
                .as("loss, unencrypted overlay")
                .isZero();
    }
}
