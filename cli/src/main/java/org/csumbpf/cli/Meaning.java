// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.snapshot.Verdict;

/**
 * What a colour means, on a terminal as in the dashboard and in the charts: the table of docs/glossary.md. Red is loss
 * and nothing else. A word or the sign says the same without colour.
 */
enum Meaning {
    REPAIRED_BY_TC(Output.Style.GREEN, ' '),
    REPAIRED_BY_THE_BACKSTOP(Output.Style.CYAN, ' '),
    UNTOUCHED(Output.Style.UNCOLORED, ' '),
    IN_DOUBT(Output.Style.YELLOW, '?'),
    LOST(Output.Style.RED, '!');

    private final Output.Style style;
    private final char sign;

    Meaning(Output.Style style, char sign) {
        this.style = style;
        this.sign = sign;
    }

    Output.Style style() {
        return style;
    }

    /** What stands before a row of this meaning. */
    char sign() {
        return sign;
    }

    static Meaning of(Verdict.Kind kind) {
        return switch (kind) {
            case REPAIRING -> REPAIRED_BY_TC;
            case HEALTHY -> UNTOUCHED;
            case BROKEN, BYPASSED, OFF -> LOST;
            case PLAINTEXT, NO_RULE, IDLE, UNKNOWN -> IN_DOUBT;
        };
    }

    static Meaning of(Flow flow) {
        return switch (flow.outcome()) {
            case "repaired" -> flow.path().equals("backstop") ? REPAIRED_BY_THE_BACKSTOP : REPAIRED_BY_TC;
            case "good", "zero", "gso", "esp", "no_rule" -> UNTOUCHED;
            case "bad", "corrupt" -> LOST;
            default -> IN_DOUBT;
        };
    }
}
