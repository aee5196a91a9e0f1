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
}
