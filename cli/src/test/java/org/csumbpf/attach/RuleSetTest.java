// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** VNIs as people write them, and what lies between two sets of rules. */
class RuleSetTest {
    private static final Rule AUTO = new Rule(Mode.AUTO, false, false);
    private static final Rule DROP = new Rule(Mode.ZERO, true, false);

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "5 | 5",
                "0x100d | 4109",
                "0X10 | 16",
                "0,16777215 | 0,16777215",
                "3-5,7,6 | 3-7",
                "1,1,1 | 1",
                " 9 - 11 | 9-11",
                "0x10-0x12 | 16-18",
            })
    void listsAndRanges(String text, String expected) {
        TreeSet<Vni> vnis = VniRanges.parse(text);
        assertThat(VniRanges.format(vnis)).isEqualTo(expected);
        assertThat(VniRanges.parse(VniRanges.format(vnis))).isEqualTo(vnis);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "16777216 | out of range",
                "0x1000000 | out of range",
                "18446744073709551615 | out of range",
                "99999999999999999999 | is not a VNI",
                "-1 | is not a VNI",
                "9-3 | write 3-9",
                "1-2-3 | neither a VNI nor a range",
                "1,,2 | is not a VNI",
                "0x | is not a VNI",
                "five | is not a VNI",
                "0-16777215 | --vni any",
            })
    void whatIsNone(String text, String complaint) {
        assertThatThrownBy(() -> VniRanges.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(complaint);
    }

    @Test
    void differencesInWordsAndInMapElements() {
        RuleSet from = new RuleSet(4789, false, Optional.empty(), Map.of(new Vni(1), AUTO, new Vni(2), AUTO));
        RuleSet to = new RuleSet(
                7789, false, Optional.of(DROP), Map.of(new Vni(2), DROP, new Vni(4), AUTO, new Vni(5), AUTO));
        assertThat(RuleChanges.between(from, to))
                .containsExactly(
                        "port 4789 -> 7789",
                        "added the rule for any vni: mode zero, plaintext drop",
                        "added vni 4-5: mode auto, plaintext pass",
                        "changed vni 2: mode zero, plaintext drop",
                        "removed vni 1");
        assertThat(RuleChanges.elements(from, to)).isEqualTo(5);
        assertThat(RuleChanges.between(from, from)).isEmpty();
        assertThat(RuleChanges.elements(from, from)).isZero();
    }
}
