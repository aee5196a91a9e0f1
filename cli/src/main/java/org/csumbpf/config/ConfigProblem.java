// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import org.csumbpf.text.Unprintable;

/**
 * Something that is wrong with a configuration.
 *
 * @param origin what to correct
 * @param text one line, and not a long one, whatever the file holds
 */
public record ConfigProblem(Origin origin, String text) {
    private static final int LONGEST = 400;

    public ConfigProblem {
        String line = Unprintable.escape(text);
        int end = line.length() <= LONGEST ? line.length() : line.offsetByCodePoints(0, LONGEST / 2);
        text = end == line.length() ? line : line.substring(0, end) + " \u2026";
    }

    /** {@code FILE:LINE: text}. */
    @Override
    public String toString() {
        return origin.text() + ": " + text;
    }
}
