// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Total;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What status concludes from the counters. */
class VerdictTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "-                    | -            | IDLE",
                "REPAIRED             | ESP          | REPAIRING",
                "BAD GOOD             | -            | BROKEN",
                "GOOD                 | -            | HEALTHY",
                "GSO                  | ESP          | HEALTHY",
                "ZERO                 | -            | HEALTHY",
                "OVERSIZE GOOD        | -            | BROKEN",
                "-                    | ESP          | BYPASSED",
                "PLAINTEXT            | ESP          | BYPASSED",
                "PLAINTEXT            | NO_RULE      | PLAINTEXT",
                "DROPPED              | -            | PLAINTEXT",
                "-                    | NO_RULE      | NO_RULE",
                "-                    | MALFORMED    | IDLE",
            })
    void fromCounters(String outcomes, String total, Verdict.Kind expected) {
        Map<Outcome, Count> counts = new HashMap<>();
        if (outcomes != null) {
            for (String outcome : outcomes.split(" ")) {
                counts.put(Outcome.valueOf(outcome), new Count(3, 300));
            }
        }
        Map<Total, Count> totals = new EnumMap<>(Total.class);
        for (Total t : Total.values()) {
            totals.put(t, t.name().equals(total) ? new Count(5, 500) : Count.NONE);
        }
        Verdict verdict = Verdict.of(new Counters(counts), Optional.empty(), totals);
        assertThat(verdict.kind()).isEqualTo(expected);
        assertThat(verdict.text()).isNotBlank();
    }

    /** An exit code depends on this, so whoever adds a kind must decide here. */
    @Test
    void whichAreAmiss() {
        assertThat(Verdict.Kind.values())
                .filteredOn(Verdict.Kind::amiss)
                .containsExactlyInAnyOrder(
                        Verdict.Kind.BROKEN, Verdict.Kind.BYPASSED, Verdict.Kind.OFF, Verdict.Kind.UNKNOWN);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "REPAIRED           | ESP | REPAIRING",
                "GOOD               | ESP | HEALTHY",
                "UNJUDGED           | ESP | BYPASSED",
                "DROPPED            | -   | PLAINTEXT",
                "FAILED             | ESP | BROKEN",
                "-                  | ESP | BYPASSED",
            })
    void fromTheBackstop(BackstopOutcome outcome, String total, Verdict.Kind expected) {
        Map<Total, Count> totals = new EnumMap<>(Total.class);
        for (Total t : Total.values()) {
            totals.put(t, t.name().equals(total) ? new Count(5, 500) : Count.NONE);
        }
        BackstopCounters counters =
                outcome == null ? BackstopCounters.NONE : BackstopCounters.of(outcome, new Count(3, 300));
        Verdict verdict = Verdict.of(Counters.NONE, Optional.of(counters), totals);
        assertThat(verdict.kind()).isEqualTo(expected);
    }
}
