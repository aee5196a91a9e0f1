// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0s",
        "600, 600, 10m",
        "90s, 90, 1m30s",
        "10m, 600, 10m",
        "1h30m, 5400, 1h30m",
        "1w, 604800, 7d",
        "366d, 31622400, 366d",
        "1d1s, 86401, 1d1s",
        "1m30, 90, 1m30s"
    })
    void both(String text, long seconds, String shortest) {
        assertThat(DurationText.parse(text)).isEqualTo(Duration.ofSeconds(seconds));
        assertThat(DurationText.format(Duration.ofSeconds(seconds))).isEqualTo(shortest);
        assertThat(DurationText.parse(shortest)).isEqualTo(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5h", "m", "10 m", "30m1h", "1M", "367d", "9999999999", "\u0665m", "1ms"})
    void none(String text) {
        assertThatThrownBy(() -> DurationText.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }
}
