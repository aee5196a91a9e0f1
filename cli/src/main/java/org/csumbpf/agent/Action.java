// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.util.List;
import java.util.Optional;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.snapshot.Finding;

/** One thing that the agent does to an attachment, by what the commands do. */
sealed interface Action {
    int ifindex();

    String ifname();

    /** What is counted together, if it is done again and again. */
    default String kind() {
        return Integer.toString(ifindex());
    }

    /**
     * Attaches, or changes an attachment of the agent's.
     *
     * @param reasons why the device needs it
     */
    record Attach(int ifindex, DesiredAttachment wish, List<String> reasons) implements Action {
        @Override
        public String ifname() {
            return wish.ifname();
        }
    }

    /**
     * Puts back what an attachment of the agent's has lost.
     *
     * @param wish what to ask for; empty: what it was asked for, because nothing needs repair there now
     * @param lost findings
     */
    record Heal(int ifindex, String ifname, Optional<DesiredAttachment> wish, List<Finding> lost) implements Action {
        /** Whoever flushes nftables does not delay the healing of something else. */
        @Override
        public String kind() {
            return ifindex
                    + lost.stream()
                            .map(Finding::id)
                            .distinct()
                            .sorted()
                            .toList()
                            .toString();
        }
    }

    /** Puts back what an attachment of the agent's lost when its device was moved to another network namespace. */
    record Follow(int ifindex, String ifname) implements Action {
        /** A device here may have the number that the moved one has there. */
        @Override
        public String kind() {
            return "moved " + ifindex;
        }
    }

    /** Detaches what has had no reason for as long as the user wants it kept. */
    record Detach(int ifindex, String ifname) implements Action {}
}
