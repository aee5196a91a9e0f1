// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;

/**
 * The counts of one rule.
 *
 * @param byOutcome a count for every outcome
 */
public record Counters(Map<Outcome, Count> byOutcome) {
    public static final Counters NONE = new Counters(Map.of());

    public Counters {
        EnumMap<Outcome, Count> complete = new EnumMap<>(Outcome.class);
        for (Outcome outcome : Outcome.values()) {
            complete.put(outcome, byOutcome.getOrDefault(outcome, Count.NONE));
        }
        byOutcome = complete;
    }

    public Count get(Outcome outcome) {
        return byOutcome.get(outcome);
    }

    public Counters plus(Counters other) {
        EnumMap<Outcome, Count> sum = new EnumMap<>(byOutcome);
        other.byOutcome.forEach((outcome, count) -> sum.merge(outcome, count, Count::plus));
        return new Counters(sum);
    }

    public static Counters sum(Collection<Counters> parts) {
        return parts.stream().reduce(NONE, Counters::plus);
    }

    /** Whether nothing was counted. */
    public boolean isZero() {
        return byOutcome.values().stream().allMatch(count -> count.packets() == 0);
    }

    /** Packets that IPsec decrypted (or whose rule is unverified). */
    public long decrypted() {
        return byOutcome.entrySet().stream()
                .filter(e -> e.getKey() != Outcome.PLAINTEXT && e.getKey() != Outcome.DROPPED)
                .mapToLong(e -> e.getValue().packets())
                .sum();
    }
}
