// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.function.Supplier;

/** A part of a snapshot, read once, when it is first asked for. If reading fails, the other parts can still be read. */
public final class Reading<T> implements Supplier<T> {
    private Supplier<T> source;
    private T value;
    private RuntimeException failure;

    private Reading(Supplier<T> source, T value) {
        this.source = source;
        this.value = value;
    }

    public static <T> Reading<T> of(Supplier<T> source) {
        return new Reading<>(source, null);
    }

    /** A value that is known already. */
    public static <T> Reading<T> known(T value) {
        return new Reading<>(null, value);
    }

    /** @throws RuntimeException why it cannot be read: the same each time */
    @Override
    public T get() {
        if (source != null) {
            try {
                value = source.get();
            } catch (RuntimeException e) {
                failure = e;
            }
            source = null;
        }
        if (failure != null) {
            throw failure;
        }
        return value;
    }
}
