// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.maps.DropBaseline;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When the host's checksum errors mean that decrypted packets take a path that is not covered. */
class AfterTcDropsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // errors | reassembled | esp | repaired | left | amiss
                "   0 |   0 |   0 |    0 |   0 | false",
                "   4 |   0 |   0 |    0 |   0 | false", // a few may have any cause
                "   5 |   0 |   0 |    0 |   0 | true",
                " 100 |   0 |   0 | 9999 |   0 | true",
                " 100 |   0 |   0 | 10000|   0 | false", // one error in a hundred repaired packets
                " 500 |   0 |   0 |    0 | 500 | false", // mode observe left them wrong
                " 500 |   0 |   0 |    0 | 495 | true",
                "   0 | 500 | 500 |    0 |   0 | false", // fragments, but nothing was dropped
                " 500 | 500 | 500 |    0 |   0 | true",
            })
    void judges(long errors, long reassembled, long esp, long repaired, long left, boolean amiss) {
        DropBaseline since = new DropBaseline(errors, reassembled, esp, repaired, left);
        assertThat(AfterTcDrops.judge(since, 4789, "in 10 s").isPresent()).isEqualTo(amiss);
        AfterTcDrops.judge(since, 4789, "in 10 s").ifPresent(text -> {
            assertThat(text)
                    .contains(errors + " UDP datagrams on port 4789", "in 10 s")
                    .contains("nstat");
            assertThat(text.contains("fragments")).isEqualTo(reassembled > 0);
        });
    }
}
