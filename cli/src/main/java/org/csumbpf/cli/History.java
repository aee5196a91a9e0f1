// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.Arrays;

/** The last values of one row, oldest first, in a primitive array, because there may be 65,536 peers. */
final class History {
    private float[] values = new float[8];
    private int size;

    /** Adds the newest value, and drops the oldest ones so that at most {@code capacity} remain. */
    void add(double value, int capacity) {
        int kept = Math.min(size, Math.max(1, capacity) - 1);
        int from = size - kept;
        if (kept == values.length) {
            values = Arrays.copyOf(values, 2 * values.length);
        }
        System.arraycopy(values, from, values, 0, kept);
        values[kept] = (float) value;
        size = kept + 1;
    }

    int size() {
        return size;
    }

    /** The newest values, oldest first, at most {@code count} of them. */
    float[] last(int count) {
        return Arrays.copyOfRange(values, size - Math.min(count, size), size);
    }

    /** Whether all values are 0. */
    boolean idle() {
        for (int i = 0; i < size; i++) {
            if (values[i] > 0) {
                return false;
            }
        }
        return true;
    }
}
