// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What discover finds of real SAs and policies, and that its commands repair. */
@Tag("vm")
@Order(2)
@ExtendWith(KernelLog.class)
class DiscoverTest {
    private static final String B = "10.0.9.2";

    @Test
    @DisplayName("discover")
    void itsCommandsRepair() {
        try (EspLab lab = new EspLab("VNIS=4109 4110", "PORT=4790", "UNDERLAY=vlan")) {
            assertThat(lab.loss(lab.a, B)).as("loss before").isEqualTo(100);
            assertFinds(lab.a, "eth0", "203.0.113.10", "203.0.113.2");
            JsonNode b = assertFinds(lab.b, "eth0.100", "203.0.113.2", "10.99.0.2");
            assertThat(b.get("vnis").findValuesAsText("vni")).containsExactly("4109", "4110");
            assertThat(b.at("/vnis/0/devices/0/interface").asText()).isEqualTo("vxlan0");
            assertThat(b.at("/vnis/0/encrypted").isNull())
                    .as("Docker does not know it")
                    .isTrue();
            assertThat(b.get("commands").toString()).contains("\"--port\",\"4790\"");
            lab.onBoth(host -> {
                for (String[] command : commands(host)) {
                    host.csumbpf(command).ok();
                }
            });
            assertThat(lab.loss(lab.a, B)).as("loss after").isZero();
            assertThat(commands(lab.b)).as("nothing is left to be done").isEmpty();
        }
    }

    @Test
    @DisplayName("discover: IPv6, NAT traversal")
    void otherAssociations() {
        try (EspLab lab = new EspLab("FAMILY=6")) {
            assertFinds(lab.b, "eth0", "2001:db8:a:0:0:0:0:2", "fd00:99:0:0:0:0:0:2");
        }
        try (EspLab lab = new EspLab("ENCAP=udp")) {
            JsonNode found = lab.b.json("discover");
            assertThat(found.get("interfaces")).as("needs no repair").isEmpty();
            assertThat(found.at("/peers/0/udp_encapsulated").asBoolean()).isTrue();
        }
    }

    private static JsonNode assertFinds(Host host, String device, String peer, String local) {
        JsonNode found = host.json("discover");
        assertThat(found.get("interfaces")).as(found.toString()).hasSize(1);
        assertThat(found.at("/interfaces/0/interface").asText()).isEqualTo(device);
        assertThat(found.at("/interfaces/0/attached").asBoolean()).isFalse();
        assertThat(found.at("/ports/0/reason").asText()).contains("IPsec policy");
        assertThat(found.at("/peers/0/address").asText()).isEqualTo(peer);
        assertThat(found.at("/peers/0/local").asText()).isEqualTo(local);
        assertThat(found.at("/peers/0/sas").asInt()).isEqualTo(2);
        return found;
    }

    /** The arguments of the commands that discover advises, without the program and its namespace. */
    private static List<String[]> commands(Host host) {
        List<String[]> commands = new ArrayList<>();
        for (JsonNode command : host.json("discover").get("commands")) {
            List<String> words = new ArrayList<>();
            command.forEach(word -> words.add(word.asText()));
            commands.add(words.subList(words.indexOf("attach"), words.size()).toArray(String[]::new));
        }
        return commands;
    }
}
