// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.Advised;

/** There is no such network namespace. */
public final class NoSuchNamespaceException extends RuntimeException implements Advised {
    private final String problem;
    private final String next;

    /** @param next what to do about it; null: nothing is known */
    NoSuchNamespaceException(String problem, String next) {
        super(Advised.message(problem, next));
        this.problem = problem;
        this.next = next;
    }

    /** The same with words in front of the next step. */
    public NoSuchNamespaceException suggesting(String words) {
        return next == null ? this : new NoSuchNamespaceException(problem, words + next);
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
