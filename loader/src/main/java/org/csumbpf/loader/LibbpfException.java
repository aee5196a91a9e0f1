// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** libbpf.so.1 is missing or cannot be used; the message names the package to install. */
public final class LibbpfException extends RuntimeException implements Advised {
    private final String problem;
    private final String next;

    /** @param next what to do about it; null: nothing is known */
    LibbpfException(String problem, String next, Throwable cause) {
        super(Advised.message(problem, next), cause);
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
