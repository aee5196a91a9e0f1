// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.Advised;

/** Somebody else could have made, or could change, what stands at a path. */
public final class UntrustedPathException extends RuntimeException implements Advised {
    private final String problem;
    private final String next;

    UntrustedPathException(String problem) {
        this(problem, null);
    }

    /** @param next what to do about it; null: nothing is known */
    UntrustedPathException(String problem, String next) {
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
