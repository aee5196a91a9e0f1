// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** A failure that says what the user can do next. Its message holds both {@link #problem()} and {@link #next()}. */
public interface Advised {
    /** What is wrong, in one line. */
    String problem();

    /** What to do about the problem, with a command if there is one; null: nothing is known. */
    String next();

    /** The message that holds both. */
    static String message(String problem, String next) {
        return next == null ? problem : problem + "; " + next;
    }

    /** What is wrong; the message of a failure that is not {@link Advised}. */
    static String problemOf(Throwable failure) {
        return failure instanceof Advised advised ? advised.problem() : String.valueOf(failure.getMessage());
    }

    /** What to do about the failure; null: nothing is known. */
    static String nextOf(Throwable failure) {
        return failure instanceof Advised advised ? advised.next() : null;
    }
}
