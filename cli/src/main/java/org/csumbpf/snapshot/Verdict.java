// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Total;

/**
 * Whether the program does its work, judged by its own counters.
 *
 * @param kind in one word
 * @param text in words, for the user
 */
public record Verdict(Kind kind, String text) {
    /** The verdict in one word. */
    public enum Kind {
        /** Packets were repaired. */
        REPAIRING(false),
        /**
         * Decrypted packets came and wrong checksums stayed: mode observe repairs none, or the packets could not be
         * repaired.
         */
        BROKEN(true),
        /** Decrypted packets came, and none needed repair. */
        HEALTHY(false),
        /** Decrypted packets come by a path that is not covered. */
        BYPASSED(true),
        /** VXLAN packets come, but not through IPsec: an overlay that is not encrypted may share the port. */
        PLAINTEXT(false),
        /** VXLAN packets come, but none with a VNI that has a rule: they are somebody else's. */
        NO_RULE(false),
        /** No VXLAN or ESP packet came. */
        IDLE(false),
        /** The program is not on the hook. */
        OFF(true),
        /** Whether the program is on the hook cannot be seen. */
        UNKNOWN(true);

        private final boolean amiss;

        Kind(boolean amiss) {
            this.amiss = amiss;
        }

        public String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** Whether decrypted packets are lost or may be lost; true also if that cannot be known. */
        public boolean amiss() {
            return amiss;
        }
    }

    /**
     * Whether an attachment needs the user's attention: packets may not be repaired, or {@code status} prints a
     * problem. Decided only here; docs/exit-codes.md explains it to users.
     */
    public static boolean amiss(AttachmentView view) {
        return of(view).kind().amiss() || !view.problems().isEmpty();
    }

    public static Verdict of(AttachmentView view) {
        if (view.state() == AttachmentView.State.NETNS_NOT_FOUND || view.state() == AttachmentView.State.UNREADABLE) {
            return new Verdict(
                    Kind.UNKNOWN,
                    "csumbpf cannot check whether packets are repaired: "
                            + view.state().label());
        }
        if (view.state() != AttachmentView.State.ATTACHED) {
            return new Verdict(
                    Kind.OFF, "the program repairs nothing: " + view.state().label());
        }
        if (view.afterTcDrops().isPresent()) {
            return new Verdict(Kind.BYPASSED, view.afterTcDrops().get() + besides(view));
        }
        return view.contents()
                .map(contents -> of(
                        contents.sum(),
                        view.backstop()
                                .filter(b -> b.state() == BackstopView.State.ON)
                                .map(BackstopView::sum),
                        contents.totals()))
                .orElseGet(
                        () -> new Verdict(Kind.UNKNOWN, "the program runs, but its rules and counters cannot be read"));
    }

    /** Packets that csumbpf leaves unchecked, so that errors may be among them; empty: none. */
    public static String besides(AttachmentView view) {
        return view.contents()
                .map(contents -> {
                    long plaintext = contents.sum().get(Outcome.PLAINTEXT).packets();
                    long noRule = contents.totals().get(Total.NO_RULE).packets();
                    List<String> parts = new ArrayList<>();
                    if (plaintext > 0) {
                        parts.add(plaintext + " plaintext packets");
                    }
                    if (noRule > 0) {
                        parts.add(noRule + " packets whose VNI has no rule");
                    }
                    return parts.isEmpty()
                            ? ""
                            : "; some of the errors may be among " + String.join(" and ", parts)
                                    + ", which csumbpf does not check";
                })
                .orElse("");
    }

    /** @param backstop what came after tc; empty: no backstop counts that */
    static Verdict of(Counters sum, Optional<BackstopCounters> backstop, Map<Total, Count> totals) {
        BackstopCounters afterTc = backstop.orElse(BackstopCounters.NONE);
        long repairedAfterTc = afterTc.get(BackstopOutcome.REPAIRED).packets();
        long repaired = sum.get(Outcome.REPAIRED).packets() + repairedAfterTc;
        long bad = sum.get(Outcome.BAD).packets();
        long decrypted = sum.decrypted() + afterTc.decrypted();
        long unjudged = afterTc.get(BackstopOutcome.UNJUDGED).packets();
        long plaintext = sum.get(Outcome.PLAINTEXT).packets()
                + sum.get(Outcome.DROPPED).packets()
                + afterTc.get(BackstopOutcome.DROPPED).packets();
        long esp = totals.get(Total.ESP).packets();
        long noRule = totals.get(Total.NO_RULE).packets();
        if (repaired > 0) {
            return new Verdict(
                    Kind.REPAIRING,
                    repaired + " packets repaired"
                            + (repairedAfterTc > 0 ? ", " + repairedAfterTc + " of them by the backstop" : ""));
        }
        if (bad > 0) {
            return new Verdict(
                    Kind.BROKEN, bad + " packets with a wrong checksum seen; mode observe repairs none of them");
        }
        long failed = sum.get(Outcome.FAILED).packets()
                + sum.get(Outcome.OVERSIZE).packets()
                + afterTc.get(BackstopOutcome.FAILED).packets();
        if (failed > 0) {
            return new Verdict(
                    Kind.BROKEN,
                    failed + " decrypted packets are not repaired: unreadable, or too long to compute a checksum");
        }
        if (decrypted > unjudged) {
            return new Verdict(Kind.HEALTHY, decrypted + " decrypted packets seen, none needed repair");
        }
        if (unjudged > 0) {
            return new Verdict(
                    Kind.BYPASSED,
                    unjudged + " packets were decrypted after tc, where mode observe can only count them");
        }
        if (esp > 0) {
            return new Verdict(
                    Kind.BYPASSED,
                    "still broken: " + esp + " ESP packets passed tc encrypted, and none came back decrypted; "
                            + (backstop.isPresent()
                                    ? "none reached the backstop either: xfrm refused the packets (see 'nstat -az | grep Xfrm'), or"
                                            + " they carry no VXLAN with a VNI that has a rule"
                                    : "the kernel decrypts after tc"));
        }
        if (plaintext > 0) {
            return new Verdict(Kind.PLAINTEXT, plaintext + " VXLAN packets seen, none decrypted by IPsec");
        }
        if (noRule > 0) {
            return new Verdict(Kind.NO_RULE, noRule + " VXLAN packets seen, none with a VNI that has a rule");
        }
        return new Verdict(Kind.IDLE, "no VXLAN or ESP packet seen yet");
    }
}
