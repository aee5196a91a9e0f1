// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.Advised;

/** Somebody else holds the lock and does not let go. */
public final class LockTimeoutException extends RuntimeException implements Advised {
    private final String problem;
    private final String next;

    /** @param next what to do about it; null: nothing is known */
    LockTimeoutException(String problem, String next) {
        super(Advised.message(problem, next));
        this.problem = problem;
        this.next = next;
    }

    @Override
    public String problem() {
        return problem;
    }

    @Override
    public String next() {
        return next;
    }
}
