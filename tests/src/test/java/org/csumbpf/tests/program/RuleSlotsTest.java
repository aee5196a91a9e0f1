// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Eight rules have slots in an array, and the others are in a hash. The difference must not be visible, least of all in
 * the counts.
 */
@Tag("root")
class RuleSlotsTest {
    private static final Vni OURS = new Vni(4109);
    private static final Rule OBSERVE = new Rule(Mode.OBSERVE, false, true);
    private static final byte[] PACKET = BenchFrames.vxlan(100, BenchFrames.NAT);

    @Test
    void aSlotThatAnotherRuleHadBeforeCountsFromZero() {
        try (LoadedProgram program = new LoadedProgram()) {
            program.rules(Rules.parse("4109 observe unverified", 4789));
            program.run(PACKET, 0);
            program.maps().removeRule(OURS);
            program.maps().putRule(new Vni(7), OBSERVE);
            assertThat(program.maps().counters()).containsOnlyKeys(new Vni(7));
            assertThat(bad(program.maps(), new Vni(7))).isZero();
            program.maps().putRule(OURS, OBSERVE);
            assertThat(bad(program.maps(), OURS)).isZero();
            program.run(PACKET, 0);
            assertThat(bad(program.maps(), OURS)).isEqualTo(1);
            program.maps().putRule(OURS, new Rule(Mode.ZERO, false, true));
            assertThat(bad(program.maps(), OURS)).as("of a rule that changed").isEqualTo(1);
        }
    }

    @Test
    void inTheHashItIsTheSame() {
        try (LoadedProgram program = new LoadedProgram()) {
            program.rules(Rules.parse("any zero unverified", 4789));
            for (int vni = 1; vni <= 20; vni++) {
                program.maps().putRule(new Vni(vni), OBSERVE);
            }
            program.maps().putRule(OURS, OBSERVE);
            program.run(PACKET, 0);
            assertThat(bad(program.maps(), OURS)).isEqualTo(1);
            assertThat(program.maps().rules()).hasSize(21);
            assertThat(program.maps().counters()).hasSize(21);
            assertThat(program.maps().removeRule(OURS)).isTrue();
            assertThat(program.maps().removeRule(OURS)).isFalse();
            program.run(PACKET, 0);
            assertThat(program.counts()).containsOnlyKeys("any repaired");
        }
    }

    /** If several rules change, programs are swapped, and the new one goes on counting in the old one's slots. */
    @Test
    void aProgramWithNewRulesCountsOn() {
        try (LoadedProgram program = new LoadedProgram()) {
            program.rules(Rules.parse("4109 observe unverified; any observe unverified", 4789));
            program.maps().putRule(new Vni(5), OBSERVE);
            program.run(PACKET, 0);
            try (CsumbpfObject object = CsumbpfObject.open();
                    CsumbpfMaps next = object.loadWithNewRules(program.maps())) {
                for (int vni = 10; vni < 30; vni++) {
                    next.putRule(new Vni(vni), OBSERVE);
                }
                next.putRule(OURS, OBSERVE);
                next.config(new Config(4789, false, Optional.of(OBSERVE)));
                assertThat(bad(next, OURS)).isEqualTo(1);
                assertThat(next.counters()).hasSize(21);
                for (int vni = 10; vni < 30; vni++) {
                    assertThat(bad(next, new Vni(vni))).as("vni %d", vni).isZero();
                }
                program.run(PACKET, 0);
                assertThat(bad(next, OURS))
                        .as("what the old program counts till then")
                        .isEqualTo(2);
            }
        }
    }

    private static long bad(CsumbpfMaps maps, Vni vni) {
        return maps.counters().getOrDefault(vni, Counters.NONE).get(Outcome.BAD).packets();
    }
}
