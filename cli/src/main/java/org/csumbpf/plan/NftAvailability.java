// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.Optional;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.host.NftablesException;

/**
 * Whether the backstop can be used.
 *
 * @param usable the backstop is wanted, and nftables works
 * @param problem why nftables cannot be used although the backstop is wanted
 * @param next what the user can do about the problem; null: nothing is known
 * @param refusal the kernel's refusal, if that is the problem; else null
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

    /** The problem and what to do about it, in one line. */
    Optional<String> why() {
        return problem.map(text -> Advised.message(text, next));
    }
}
