// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Ends the loop's pause when something happens. Thread-safe. */
final class Alarm {
    private final Semaphore rung = new Semaphore(0);

    void ring() {
        if (rung.availablePermits() == 0) { // once is enough
            rung.release();
        }
    }

    /**
     * Waits for it to ring, also if it did so before. Returns false if it does not.
     *
     * @param nanos at most so long
     */
    boolean await(long nanos) throws InterruptedException {
        boolean rang = rung.tryAcquire(nanos, TimeUnit.NANOSECONDS);
        rung.drainPermits();
        return rang;
    }
}
