// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import java.util.Collection;
import java.util.Locale;

/** Finds what was probably meant by an unknown word. */
public final class Similar {
    /** Nobody types a longer word by hand, and the time to compare grows with the product of both lengths. */
    private static final int LONGEST = 64;

    private Similar() {}

    /** {@code did you mean 'attach'? } with a space at the end; empty if nothing is similar. */
    public static String didYouMean(String word, Collection<String> known) {
        String similar = to(word, known);
        return similar == null ? "" : "did you mean '" + similar + "'? ";
    }

    /** The most similar of the known words, the first of equals; null if none is similar. */
    public static String to(String word, Collection<String> known) {
        String best = null;
        int least = Integer.MAX_VALUE;
        String lower = word.toLowerCase(Locale.ROOT);
        for (String candidate : known) {
            if (word.isEmpty() || word.length() > LONGEST || candidate.length() > LONGEST) {
                continue;
            }
            int distance = distance(lower, candidate.toLowerCase(Locale.ROOT));
            // A third of the letters may be wrong, at least one, but never all of them.
            int tolerated = Math.max(1, Math.max(word.length(), candidate.length()) / 3);
            if (distance < least && distance <= tolerated && distance < Math.min(word.length(), candidate.length())) {
                best = candidate;
                least = distance;
            }
        }
        return best;
    }

    /** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
    static int distance(String from, String to) {
        int[][] cost = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                if (i == 0 || j == 0) {
                    cost[i][j] = i + j;
                    continue;
                }
                int substituted = cost[i - 1][j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(substituted, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
                if (i > 1
                        && j > 1
                        && from.charAt(i - 1) == to.charAt(j - 2)
                        && from.charAt(i - 2) == to.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[from.length()][to.length()];
    }
}
