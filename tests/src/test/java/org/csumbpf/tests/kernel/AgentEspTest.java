// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Traffic;
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

    private static ServeProcess agent(Host host) {
        return ServeProcess.agent(host, "--docker", "/nosuch");
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
                        Limit.seconds(10),
                        () -> onB.value("csumbpf_heals_total", "what=\"backstop_lost\""),
                        heals -> heals >= 1);
                assertThat(attachment(lab.b).get("program_id").asInt())
                        .as("the same program")
                        .isEqualTo(program);
            }
            assertThat(lab.loss(lab.b, A)).as("loss without agents").isZero();
        }
    }

    @ParameterizedTest(name = "agent: {0}")
    @ValueSource(strings = {"vlan", "bond", "ovs", "wireguard"})
    void underlays(String underlay) {
        try (EspLab lab = new EspLab("UNDERLAY=" + underlay, "PORT=4790")) {
            assertThat(lab.loss(lab.a, B)).as("loss before").isEqualTo(100);
            try (ServeProcess onA = agent(lab.a);
                    ServeProcess onB = agent(lab.b)) {
                assertThat(lab.loss(lab.a, B)).as("loss after").isZero();
                assertThat(lab.loss(lab.b, A)).as("loss after").isZero();
            }
        }
    }

    private static JsonNode attachment(Host host) {
        return host.json("status").at("/attachments/0");
    }

    private static void awaitAttached(Host host) {
        Limit.await(
                "an attachment on " + host.name,
                Limit.seconds(10),
                () -> attachment(host).path("state").asText(),
                "attached"::equals);
    }
}
