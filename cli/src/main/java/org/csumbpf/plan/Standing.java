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
 * @param options what it was asked for beside the rules
 * @param changes what its record says that attach changed on the host
 */
public record Standing(State state, Optional<RuleSet> rules, AttachOptions options, Set<HostChange> changes) {
    /** How much there is. */
    public enum State {
        NOTHING,
        /** All of it but the hook, and just what is asked for. */
        LYING,
        /** The kernel runs the program. */
        HANGING
    }

    /** @param changes of an earlier attachment, which could not be undone */
    public static Standing nothing(Set<HostChange> changes) {
        return new Standing(State.NOTHING, Optional.empty(), AttachOptions.DEFAULT, changes);
    }
}
