// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Compares the tests' own judges with Scapy's packets. Needs no root. */
class OracleTest {
    @Test
    void agreesWithScapy() {
        int compared = 0;
        for (PacketCase packet : PacketCase.all()) {
            Model.Prediction model = Model.predict(packet.in(), packet.gsoSize(), packet.rules());
            assertThat(model.label()).as(packet.name()).isEqualTo(packet.outcome());
            assertThat(model.output(packet.in())).as(packet.name()).isEqualTo(packet.out());
            if (model.checksum() > 0) {
                compared++;
            }
        }
        assertThat(compared).as("checksums that both computed").isGreaterThan(60);
    }

    @Test
    void theCasesCoverEveryOutcomeThatATestRunCanHave() {
        Set<String> names = new HashSet<>();
        Set<String> outcomes = new HashSet<>();
        for (PacketCase packet : PacketCase.all()) {
            assertThat(names.add(packet.name()))
                    .as("name used once: %s", packet.name())
                    .isTrue();
            outcomes.add(packet.outcome());
        }
        assertThat(outcomes).containsAll(REACHABLE);
    }

    /**
     * All but "failed", because no helper refuses a packet of a test run, and "corrupt", because each packet is its
     * peer's first.
     */
    static final List<String> REACHABLE = List.of(
            "other",
            "malformed",
            "no_rule",
            "esp",
            "repaired",
            "good",
            "bad",
            "zero",
            "gso",
            "plaintext",
            "dropped",
            "oversize");
}
