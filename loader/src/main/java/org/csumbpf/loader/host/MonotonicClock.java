// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;

/** CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns. */
public final class MonotonicClock {
    private static final int CLOCK_MONOTONIC = 1;

    private MonotonicClock() {}

    /** Nanoseconds since some point at boot, without the time that the machine was suspended. */
    public static long nanos() {
        Memory timespec = new Memory(16);
        Libc.check(Libc.clock_gettime(CLOCK_MONOTONIC, timespec), "read", "CLOCK_MONOTONIC");
        return timespec.getLong(0) * 1_000_000_000L + timespec.getLong(8);
    }
}
