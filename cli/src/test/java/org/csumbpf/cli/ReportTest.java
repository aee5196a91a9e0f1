// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.maps.Peer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {
    @ParameterizedTest
    @CsvSource({"0, -", "0xffff, none", "0x1a, 0x001a", "0x8abc, 0x8abc"})
    void delta(String value, String text) {
        assertThat(Report.delta(new Peer(1, 100, 0, 1, 1, 0, Integer.decode(value), false)))
                .isEqualTo(text);
    }
}
