// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;

/**
 * Counts, by outcome, of the packets of a rule that came after tc. Bytes are counted where the packet is handled: by
 * nftables from the IP header on, on the loopback device from the Ethernet header on.
 *
 * @param byOutcome a count for every outcome
 */
public record BackstopCounters(Map<Outcome, Count> byOutcome) {
    public static final BackstopCounters NONE = new BackstopCounters(Map.of());

    /** What became of a packet. */
    public enum Outcome {
        /** Checksum written. */
        REPAIRED,
        /** Checksum computed and right: not written. */
        GOOD,
        /** Mode observe: only counted, because nftables cannot compute a checksum. */
        UNJUDGED,
        /** Not decrypted by IPsec: dropped, as the rule asks. */
        DROPPED,
        /** Could not be read, written or computed: passed untouched. */
        FAILED;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public BackstopCounters {
        EnumMap<Outcome, Count> complete = new EnumMap<>(Outcome.class);
        for (Outcome outcome : Outcome.values()) {
            complete.put(outcome, byOutcome.getOrDefault(outcome, Count.NONE));
        }
        byOutcome = complete;
    }

    public static BackstopCounters of(Outcome outcome, Count count) {
        return new BackstopCounters(Map.of(outcome, count));
    }

    /** Counts of csumbpf_detour. */
    public static BackstopCounters of(Counters loopback) {
        Map<Outcome, Count> counts = new EnumMap<>(Outcome.class);
        for (org.csumbpf.maps.Outcome outcome : org.csumbpf.maps.Outcome.values()) {
            Outcome here = switch (outcome) {
                case REPAIRED -> Outcome.REPAIRED;
                case GOOD, ZERO, GSO -> Outcome.GOOD;
                case BAD, PLAINTEXT, DROPPED, OVERSIZE, FAILED, CORRUPT -> Outcome.FAILED;
            };
            counts.merge(here, loopback.get(outcome), Count::plus);
        }
        return new BackstopCounters(counts);
    }

    public Count get(Outcome outcome) {
        return byOutcome.get(outcome);
    }

    public BackstopCounters plus(BackstopCounters other) {
        EnumMap<Outcome, Count> sum = new EnumMap<>(byOutcome);
        other.byOutcome.forEach((outcome, count) -> sum.merge(outcome, count, Count::plus));
        return new BackstopCounters(sum);
    }

    /** Packets that IPsec decrypted. */
    public long decrypted() {
        return byOutcome.entrySet().stream()
                .filter(e -> e.getKey() != Outcome.DROPPED)
                .mapToLong(e -> e.getValue().packets())
                .sum();
    }
}
