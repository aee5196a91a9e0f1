// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Typing mistakes are recognised, other words are not. */
class SimilarTest {
    private static final List<String> KNOWN =
            List.of("attach", "detach", "status", "stats", "serve", "vni", "eth0", "é0");

    @ParameterizedTest
    @CsvSource({
        "atach, attach",
        "attahc, attach",
        "Attach, attach",
        "detatch, detach",
        "stat, stats",
        "statu, status",
        "sreve, serve",
        "vn, vni",
        "eht0, eth0",
        "eth1, eth0",
        "e0, é0",
    })
    void typingMistakes(String word, String meant) {
        assertThat(Similar.to(word, KNOWN)).isEqualTo(meant);
        assertThat(Similar.didYouMean(word, KNOWN)).isEqualTo("did you mean '" + meant + "'? ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "frobnicate", "wlan0", "eth99999", "ip"})
    void otherWords(String word) {
        assertThat(Similar.to(word, KNOWN)).isNull();
        assertThat(Similar.didYouMean(word, KNOWN)).isEmpty();
    }

    @Test
    void aWordOfAnyLengthIsNoWork() {
        assertThat(Similar.to("a".repeat(100_000), KNOWN)).isNull();
        assertThat(Similar.to("attac", List.of("a".repeat(100_000), "attach"))).isEqualTo("attach");
    }

    @ParameterizedTest
    @CsvSource({"a, a, 0", "ab, ba, 1", "abc, ab, 1", "'', abc, 3", "kitten, sitting, 3"})
    void distance(String from, String to, int distance) {
        assertThat(Similar.distance(from, to)).isEqualTo(distance);
        assertThat(Similar.distance(to, from)).isEqualTo(distance);
    }
}
