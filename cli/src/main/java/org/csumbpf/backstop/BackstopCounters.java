// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.EnumMap;
import java.util.Map;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;

/**
 * Counts, by outcome, of the packets of a rule that came after tc. Bytes are counted where the packet is handled: by
 * nftables from the IP header on, on the loopback device from the Ethernet header on.
 *
 * @param byOutcome a count for every outcome
 */
public record BackstopCounters(Map<BackstopOutcome, Count> byOutcome) {
    public static final BackstopCounters NONE = new BackstopCounters(Map.of());

    public BackstopCounters {
        EnumMap<BackstopOutcome, Count> complete = new EnumMap<>(BackstopOutcome.class);
        for (BackstopOutcome outcome : BackstopOutcome.values()) {
            complete.put(outcome, byOutcome.getOrDefault(outcome, Count.NONE));
        }
        byOutcome = complete;
    }

    public static BackstopCounters of(BackstopOutcome outcome, Count count) {
        return new BackstopCounters(Map.of(outcome, count));
    }

    /** Counts of csumbpf_detour. */
    public static BackstopCounters of(Counters loopback) {
        Map<BackstopOutcome, Count> counts = new EnumMap<>(BackstopOutcome.class);
        for (Outcome outcome : Outcome.values()) {
            BackstopOutcome here = switch (outcome) {
                case REPAIRED -> BackstopOutcome.REPAIRED;
                case GOOD, ZERO, GSO -> BackstopOutcome.GOOD;
                case BAD, PLAINTEXT, DROPPED, OVERSIZE, FAILED, CORRUPT -> BackstopOutcome.FAILED;
            };
            counts.merge(here, loopback.get(outcome), Count::plus);
        }
        return new BackstopCounters(counts);
    }

    public Count get(BackstopOutcome outcome) {
        return byOutcome.get(outcome);
    }

    public BackstopCounters plus(BackstopCounters other) {
        EnumMap<BackstopOutcome, Count> sum = new EnumMap<>(byOutcome);
        other.byOutcome.forEach((outcome, count) -> sum.merge(outcome, count, Count::plus));
        return new BackstopCounters(sum);
    }

    /** Packets that IPsec decrypted. */
    public long decrypted() {
        return byOutcome.entrySet().stream()
                .filter(e -> e.getKey() != BackstopOutcome.DROPPED)
                .mapToLong(e -> e.getValue().packets())
                .sum();
    }
}
