// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("root") // like every test of this module that runs on the host
class LimitTest {
    @Test
    void theFactor() {
        assertThat(Limit.scale(null)).isEqualTo(1);
        assertThat(Limit.scale("")).isEqualTo(1);
        assertThat(Limit.scale("1")).isEqualTo(1);
        assertThat(Limit.scale("2.5")).isEqualTo(2.5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.9", "-1", "NaN", "Infinity", "2,5", "fast"})
    void noFactor(String value) {
        assertThatThrownBy(() -> Limit.scale(value)).hasMessageContaining("CSUMBPF_TIME_SCALE is '" + value + "'");
    }

    @Test
    void whatIsSeenInTheEndAndWhatWasSeenLast() {
        AtomicInteger reads = new AtomicInteger();
        assertThat(Limit.await("third read", Limit.seconds(60), reads::incrementAndGet, seen -> seen == 3))
                .isEqualTo(3);
        assertThatThrownBy(() -> Limit.await("miracle", Duration.ofMillis(100), () -> "water", "wine"::equals))
                .isInstanceOf(AssertionError.class)
                .hasMessage("no miracle within 100 ms; last seen: water");
    }
}
