// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;

/** CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns. */
public final class MonotonicClock {
    private static final int CLOCK_MONOTONIC = 1;
    private static final int TIMESPEC_SIZE = 16;
    private static final int TV_SEC = 0;
    private static final int TV_NSEC = 8;

    private MonotonicClock() {}

    /** Nanoseconds since some point at boot, without the time that the machine was suspended. */
    public static long nanos() {
        try (Memory timespec = new Memory(TIMESPEC_SIZE)) {
            Libc.check(Libc.clock_gettime(CLOCK_MONOTONIC, timespec), "read", "CLOCK_MONOTONIC");
            return timespec.getLong(TV_SEC) * 1_000_000_000L + timespec.getLong(TV_NSEC);
        }
    }
}
