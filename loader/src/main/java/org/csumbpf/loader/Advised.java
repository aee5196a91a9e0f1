// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** A failure that knows what the user can do next. Its message is {@link #problem()}, a semicolon and {@link #next()}. */
public interface Advised {
    /** What is wrong, in one line. */
    String problem();

    /** What to do about it, with a command where there is one; null: nothing is known. */
    String next();

    /** The message that holds both. */
    static String message(String problem, String next) {
        return next == null ? problem : problem + "; " + next;
    }

    /** What is wrong, also of a failure that is no such one. */
    static String problemOf(Throwable failure) {
        return failure instanceof Advised advised ? advised.problem() : String.valueOf(failure.getMessage());
    }

    /** What to do about it; null: nothing is known. */
    static String nextOf(Throwable failure) {
        return failure instanceof Advised advised ? advised.next() : null;
    }
}
