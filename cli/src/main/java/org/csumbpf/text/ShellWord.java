// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/** Quotes words of a command, so that a user can paste them into a shell. */
public final class ShellWord {
    private static final Pattern PLAIN = Pattern.compile("[\\p{L}\\p{M}\\p{N}_@%+=:,./-]+");

    private ShellWord() {}

    /**
     * The word as a POSIX shell reads it back, quoted only if necessary. Characters that a terminal does not show are
     * written in octal, as {@code $'\033'}, which bash, zsh, ksh and busybox read.
     */
    public static String quote(String word) {
        if (PLAIN.matcher(word).matches()) {
            return word;
        }
        return Unprintable.in(word) ? inOctal(word) : "'" + word.replace("'", "'\\''") + "'";
    }

    /** Several words, separated by spaces. */
    public static String line(Iterable<String> words) {
        StringBuilder line = new StringBuilder();
        for (String word : words) {
            line.append(line.isEmpty() ? "" : " ").append(quote(word));
        }
        return line.toString();
    }

    private static String inOctal(String word) {
        StringBuilder quoted = new StringBuilder("$'");
        word.codePoints().forEach(c -> {
            if (c == '\'' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (!Unprintable.is(c)) {
                quoted.appendCodePoint(c);
            } else {
                for (byte b : new String(Character.toChars(c)).getBytes(StandardCharsets.UTF_8)) {
                    quoted.append(String.format(Locale.ROOT, "\\%03o", b & 0xff));
                }
            }
        });
        return quoted.append('\'').toString();
    }
}
