// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import java.util.Locale;

/**
 * Characters that are invisible but change a terminal or the text around them: controls (C0, DEL and C1, so also ESC
 * and newline), separators of lines and paragraphs, format characters (also overrides of the writing direction), and
 * halves of surrogate pairs. Names of interfaces, namespaces and files may hold them.
 */
public final class Unprintable {
    private Unprintable() {}

    /**
     * The text with each of them written as {@code \x1b}, or beyond Latin-1 with four or eight digits. Returns the same
     * object if there is none.
     */
    public static String escape(String text) {
        int first = first(text);
        if (first == text.length()) {
            return text;
        }
        StringBuilder escaped = new StringBuilder(text.length() + 16).append(text, 0, first);
        for (int i = first; i < text.length(); ) {
            int c = text.codePointAt(i);
            if (!is(c)) {
                escaped.appendCodePoint(c);
            } else if (c == '\n') {
                escaped.append("\\n");
            } else if (c == '\t') {
                escaped.append("\\t");
            } else if (c == '\r') {
                escaped.append("\\r");
            } else if (c < 0x100) {
                escaped.append(String.format(Locale.ROOT, "\\x%02x", c));
            } else {
                escaped.append(String.format(Locale.ROOT, c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
            }
            i += Character.charCount(c);
        }
        return escaped.toString();
    }

    /** Whether the text holds one. */
    public static boolean in(String text) {
        return first(text) < text.length();
    }

    /** Whether this code point is one. */
    public static boolean is(int c) {
        if (c < 0x7f) {
            return c < ' ';
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE -> true;
            default -> false;
        };
    }

    private static int first(String text) {
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            if (is(c)) {
                return i;
            }
            i += Character.charCount(c);
        }
        return i;
    }
}
