// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** How long a test waits for something before it takes it for a hang. A slow machine gets more time. */
public final class Limit {
    private static final long POLL_MILLIS = 50;
    private static final double SCALE = scale(System.getenv("CSUMBPF_TIME_SCALE"));

    private Limit() {}

    /** The only place in Java that reads the factor: how much slower this machine is than the one for which the limits were set. */
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

    /** So many seconds on a machine of the usual speed. */
    public static Duration seconds(long seconds) {
        return Duration.ofMillis((long) (seconds * 1000 * SCALE));
    }

    /** {@link #seconds(long)}, for sockets and the like. */
    public static int millis(long seconds) {
        return Math.toIntExact(seconds(seconds).toMillis());
    }

    /**
     * Looks again and again.
     *
     * @param what is waited for, as "no ..." would name it
     * @param limit as {@link #seconds(long)} gives it
     * @return what was seen when the condition held for the first time
     * @throws AssertionError if it does not hold within the limit; says what was seen last
     */
    public static <T> T await(String what, Duration limit, Supplier<T> look, Predicate<? super T> condition) {
        long began = System.nanoTime();
        while (true) {
            T seen = look.get();
            if (condition.test(seen)) {
                return seen;
            }
            if (System.nanoTime() - began > limit.toNanos()) {
                throw new AssertionError("no " + what + " within " + limit.toMillis() + " ms; last seen: " + seen);
            }
            pause(POLL_MILLIS);
        }
    }

    /** A time that is itself what a test is about, such as the window of a limited rate; it is never scaled. */
    public static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
