// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations as Prometheus writes them, {@code 1h30m}; a number without a unit counts seconds. */
public final class DurationText {
    private static final Duration MAX = Duration.ofDays(366);
    private static final String[] UNITS = {"w", "d", "h", "m", "s"};
    private static final long[] SECONDS = {604_800, 86_400, 3_600, 60, 1};
    private static final Pattern FORM = Pattern.compile(
            "(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s?)?");

    private DurationText() {}

    /** @throws IllegalArgumentException with a message for the user */
    public static Duration parse(String text) {
        Matcher form = FORM.matcher(text);
        if (text.isEmpty() || !form.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not a duration such as 10m, 90s, 1h30m or 600 (seconds)");
        }
        long seconds = 0;
        for (int i = 0; i < UNITS.length; i++) {
            seconds += form.group(i + 1) == null ? 0 : Long.parseLong(form.group(i + 1)) * SECONDS[i];
        }
        if (seconds > MAX.toSeconds()) {
            throw new IllegalArgumentException("'" + text + "' is out of range; 0s to " + MAX.toDays() + "d");
        }
        return Duration.ofSeconds(seconds);
    }

    public static String format(Duration duration) {
        StringBuilder text = new StringBuilder();
        long left = duration.toSeconds();
        for (int i = 1; i < UNITS.length; i++) { // no weeks: everybody reads days
            if (left >= SECONDS[i]) {
                text.append(left / SECONDS[i]).append(UNITS[i]);
                left %= SECONDS[i];
            }
        }
        return text.isEmpty() ? "0s" : text.toString();
    }
}
