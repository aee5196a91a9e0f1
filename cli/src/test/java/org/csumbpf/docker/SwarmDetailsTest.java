// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.csumbpf.text.JsonTree;
import org.junit.jupiter.api.Test;

class SwarmDetailsTest {
    @Test
    void nodesThatAreReady() {
        String answer = """
                [{"ID": "x1", "Description": {"Hostname": "a"}, "Status": {"State": "ready", "Addr": "203.0.113.2"}},
                 {"ID": "x2", "Description": {"Hostname": "b"}, "Status": {"State": "down", "Addr": "203.0.113.2"}},
                 {"ID": "x3", "Description": {"Hostname": "c"}, "Status": {"State": "ready", "Addr": "0.0.0.0"}},
                 {"ID": "x4", "Description": 7}, null, 3]
                """;
        assertThat(SwarmDetails.nodes(JsonTree.parse(answer))).isEqualTo(Map.of("a", "203.0.113.2"));
        assertThat(SwarmDetails.nodes(null)).isEmpty();
        assertThat(SwarmDetails.nodes(JsonTree.parse("{\"message\": \"not a manager\"}")))
                .isEmpty();
    }

    @Test
    void peersOfANetwork() {
        String answer = "{\"Peers\": [{\"Name\": \"a-0123\", \"IP\": \"203.0.113.2\"}, {\"Name\": 3}, []]}";
        assertThat(SwarmDetails.peers(JsonTree.parse(answer))).isEqualTo(Map.of("a-0123", "203.0.113.2"));
        assertThat(SwarmDetails.peers(JsonTree.parse("{\"Peers\": null}"))).isEmpty();
    }
}
