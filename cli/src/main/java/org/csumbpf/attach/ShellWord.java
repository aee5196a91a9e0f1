// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.regex.Pattern;

/** Words of a command that a user can paste into a shell. */
final class ShellWord {
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");

    private ShellWord() {}

    /** The word as a POSIX shell reads it back, in quotes only where it needs them. */
    static String quote(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
