// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Vni;

/**
 * The nftables rules of an attachment, as they are now.
 *
 * @param wanted what the user asked for
 * @param state whether the rules are there
 * @param text in words: what is covered, or what is wrong
 * @param byVni counts of VNIs with a rule of their own
 * @param ofAny counts of the rule for any VNI
 */
public record BackstopView(
        Backstop wanted, State state, String text, Map<Vni, BackstopCounters> byVni, BackstopCounters ofAny) {
    /** Whether the rules are there. */
    public enum State {
        ON,
        /** Not wanted, or no rule asks for proof. */
        OFF,
        /** Wanted if possible, but not possible here. */
        UNAVAILABLE,
        /** They were there, and are gone or changed. */
        LOST;

        /** The name that the command prints. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static BackstopView without(Backstop wanted, State state, String text) {
        return new BackstopView(wanted, state, text, Map.of(), BackstopCounters.NONE);
    }

    static BackstopView of(Backstop wanted, State state, String text, int ifindex, List<NftTable> tables) {
        Map<Vni, BackstopCounters> byVni = new TreeMap<>();
        BackstopCounters ofAny = BackstopCounters.NONE;
        String prefix = NftPlan.prefix(ifindex) + "-";
        for (NftTable table : tables) {
            for (NftPlan.Kind kind : NftPlan.Kind.values()) {
                Optional<BackstopOutcome> outcome = outcome(kind);
                if (outcome.isEmpty()) {
                    continue;
                }
                table.sets()
                        .getOrDefault(prefix + kind.label(), Map.of())
                        .forEach((vni, count) ->
                                byVni.merge(vni, BackstopCounters.of(outcome.get(), count), BackstopCounters::plus));
                Count any = table.counters().getOrDefault(prefix + "any-" + kind.label(), Count.NONE);
                ofAny = ofAny.plus(BackstopCounters.of(outcome.get(), any));
            }
        }
        return new BackstopView(wanted, state, text, byVni, ofAny);
    }

    /**
     * What nftables itself did with a packet. Empty for packets sent over the loopback device, which the program there
     * counts.
     */
    private static Optional<BackstopOutcome> outcome(NftPlan.Kind kind) {
        return switch (kind) {
            case ZERO -> Optional.of(BackstopOutcome.REPAIRED);
            case OBSERVE -> Optional.of(BackstopOutcome.UNJUDGED);
            case DROP -> Optional.of(BackstopOutcome.DROPPED);
            case RECOMPUTE, SKIP, PASS -> Optional.empty();
        };
    }

    /** With the counts of csumbpf_detour added. */
    public BackstopView plus(Map<Vni, Counters> loopback, Optional<Counters> loopbackOfAny) {
        Map<Vni, BackstopCounters> sums = new TreeMap<>(byVni);
        loopback.forEach((vni, counters) -> sums.merge(vni, BackstopCounters.of(counters), BackstopCounters::plus));
        return new BackstopView(
                wanted,
                state,
                text,
                sums,
                loopbackOfAny
                        .map(counters -> ofAny.plus(BackstopCounters.of(counters)))
                        .orElse(ofAny));
    }

    /** Over all rules. */
    public BackstopCounters sum() {
        return byVni.values().stream().reduce(ofAny, BackstopCounters::plus);
    }
}
