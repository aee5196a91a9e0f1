// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** Base of the exceptions that say what the user can do next. */
public abstract class AdvisedException extends RuntimeException implements Advised {
    private final String problem;
    private final String next;

    /**
     * @param problem what is wrong, in one line
     * @param next what to do about it; null: nothing is known
     * @param cause null: none
     */
    protected AdvisedException(String problem, String next, Throwable cause) {
        super(Advised.message(problem, next), cause);
        this.problem = problem;
        this.next = next;
    }

    @Override
    public final String problem() {
        return problem;
    }

    @Override
    public final String next() {
        return next;
    }
}
