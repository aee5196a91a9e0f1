// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.HostChange;

/**
 * What there is of an attachment before a command changes it.
 *
 * @param state how much of it
 * @param rules what it repairs; empty: there is nothing
 * @param options what was asked for besides the rules
 * @param changes what the record says that attach changed on the host
 */
public record Standing(State state, Optional<RuleSet> rules, AttachOptions options, Set<HostChange> changes) {
    /** How much of an attachment there is. */
    public enum State {
        NOTHING,
        /**
         * Only what an attachment that lost its hook changed on the host, for example nftables rules that still repair.
         * The next attachment takes that over.
         */
        REMAINS,
        /** Pins, maps and program are there and are what is asked for; only the hook is missing. */
        PINNED,
        /** The kernel runs the program. */
        ATTACHED
    }

    /** @param changes left by an earlier attachment, because they could not be undone, or made for the next one already */
    public static Standing nothing(Set<HostChange> changes) {
        return new Standing(State.NOTHING, Optional.empty(), AttachOptions.DEFAULT, changes);
    }

    /** @param changes of an attachment that lost its hook, and of which no more can be read */
    public static Standing remains(Set<HostChange> changes) {
        return new Standing(State.REMAINS, Optional.empty(), AttachOptions.DEFAULT, changes);
    }

    /** Whether program and maps must be made. */
    public boolean isWithoutProgram() {
        return state == State.NOTHING || state == State.REMAINS;
    }
}
