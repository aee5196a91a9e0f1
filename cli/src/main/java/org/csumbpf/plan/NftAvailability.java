// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.Optional;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.host.NftablesException;

/**
 * Whether the backstop can be had.
 *
 * @param usable it is wanted, and nftables works
 * @param problem why nftables cannot be used although it is wanted
 * @param next what can be done about that; null: nothing that is known
 * @param refusal of the kernel, where that is the reason; null: it is not
 */
public record NftAvailability(boolean usable, Optional<String> problem, String next, NftablesException refusal) {
    public static final NftAvailability USABLE = new NftAvailability(true, Optional.empty(), null, null);
    public static final NftAvailability NOT_WANTED = new NftAvailability(false, Optional.empty(), null, null);

    public static NftAvailability unusable(String problem, String next) {
        return new NftAvailability(false, Optional.of(problem), next, null);
    }

    /** The kernel refused a transaction. */
    public static NftAvailability refused(NftablesException refusal) {
        return new NftAvailability(false, Optional.of(refusal.problem()), refusal.next(), refusal);
    }

    /** Both in one line. */
    Optional<String> why() {
        return problem.map(text -> Advised.message(text, next));
    }
}
