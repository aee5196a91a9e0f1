// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.Locale;

/** Numbers and times in few characters. */
final class Amount {
    private static final String[] PREFIXES = {"k", "M", "G", "T", "P"};

    private Amount() {}

    /** Three or four characters and the SI prefix: {@code 0.3}, {@code 12}, {@code 4.71k}, {@code 123M}. */
    static String brief(double value) {
        if (value == 0) {
            return "0";
        }
        if (value < 9.95) {
            return value < 0.05 ? "<0.1" : String.format(Locale.ROOT, "%.1f", value);
        }
        if (value < 999.5) {
            return String.format(Locale.ROOT, "%.0f", value);
        }
        double scaled = value / 1000;
        int prefix = 0;
        while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
            scaled /= 1000;
            prefix++;
        }
        String format = scaled < 9.995 ? "%.2f" : scaled < 99.95 ? "%.1f" : "%.0f";
        return String.format(Locale.ROOT, format, scaled) + PREFIXES[prefix];
    }

    /** An elapsed time. */
    static String age(long nanos) {
        double seconds = Math.max(0, nanos) / 1e9;
        if (seconds < 120) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        return seconds < 7200
                ? String.format(Locale.ROOT, "%.0f min", seconds / 60)
                : String.format(Locale.ROOT, "%.0f h", seconds / 3600);
    }
}
