// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Time limits for what may hang. A slow machine gets more time. */
public final class Limit {
    private static final long POLL_MILLIS = 50;
    private static final double SCALE = scale(System.getenv("CSUMBPF_TIME_SCALE"));

    private Limit() {}

    /**
     * Parses the factor by which this machine is slower than the one for which the limits were set. Only this class
     * reads it.
     */
    static double scale(String value) {
        if (value == null || value.isEmpty()) {
            return 1;
        }
        double scale;
        try {
            scale = Double.parseDouble(value);
        } catch (NumberFormatException e) {
            scale = Double.NaN;
        }
        if (!(scale >= 1 && scale < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("CSUMBPF_TIME_SCALE is '" + value + "', not a decimal number from 1");
        }
        return scale;
    }

    /** A limit, given as seconds on a machine of usual speed. */
    public static Duration seconds(long seconds) {
        return Duration.ofMillis((long) (seconds * 1000 * SCALE));
    }

    /** {@link #seconds(long)} in milliseconds, for sockets and the like. */
    public static int millis(long seconds) {
        return Math.toIntExact(seconds(seconds).toMillis());
    }

    /**
     * Polls until the condition holds.
     *
     * @param what what is waited for, as it follows "no" in the error
     * @param limit made by {@link #seconds(long)}
     * @return the first value for which the condition holds
     * @throws AssertionError if it does not hold within the limit; says which value was seen last
     */
    public static <T> T await(String what, Duration limit, Supplier<T> read, Predicate<? super T> condition) {
        long began = System.nanoTime();
        while (true) {
            T seen = read.get();
            if (condition.test(seen)) {
                return seen;
            }
            if (System.nanoTime() - began > limit.toNanos()) {
                throw new AssertionError("no " + what + " within " + limit.toMillis() + " ms; last seen: " + seen);
            }
            pause(POLL_MILLIS);
        }
    }

    /** Sleeps. Never scaled, because this time is what a test is about, such as the window of a rate limit. */
    public static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
