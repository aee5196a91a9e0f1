// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NoSuchNamespaceException;

/**
 * VXLAN devices that are in another network namespace than their sockets, by port: Docker moves its devices to where
 * its containers are. Searching takes a millisecond for each namespace, so results are remembered as long as this
 * object lives.
 */
public final class MovedDevices {
    /** Nanoseconds. One scrape in a minute may be slow, and a lasting drop may be reported a minute late. */
    static final long REMEMBERED = 60_000_000_000L;

    private final IntFunction<AfterRepair.Found> reader;
    private final LongSupplier clock;
    private final Map<Integer, Remembered> remembered = new HashMap<>();

    public MovedDevices() {
        this(MovedDevices::read, MonotonicClock::nanos);
    }

    MovedDevices(IntFunction<AfterRepair.Found> reader, LongSupplier clock) {
        this.reader = reader;
        this.clock = clock;
    }

    /** @param at CLOCK_MONOTONIC, nanoseconds */
    private record Remembered(AfterRepair.Found found, long at) {}

    /**
     * The moved devices on the port. A remembered result is used if that is enough.
     *
     * @param fresh results read since then are used in any case (CLOCK_MONOTONIC, nanoseconds)
     * @param enough whether an older result, of the last minute, can be used
     */
    AfterRepair.Found find(int port, long fresh, Predicate<AfterRepair.Found> enough) {
        long now = clock.getAsLong();
        Remembered known = remembered.get(port);
        if (known != null && (known.at() >= fresh || now - known.at() < REMEMBERED && enough.test(known.found()))) {
            return known.found();
        }
        AfterRepair.Found found = reader.apply(port);
        remembered.put(port, new Remembered(found, now));
        return found;
    }

    private static AfterRepair.Found read(int port) {
        AfterRepair.Found found = AfterRepair.Found.none();
        for (String path : NetworkNamespace.likely()) {
            try (NetworkNamespace netns = NetworkNamespace.named(path)) {
                netns.call(() -> found.add(port, true));
            } catch (NoSuchNamespaceException e) {
                continue; // the namespace is gone, or the path is something else
            } catch (KernelException e) {
                return AfterRepair.Found.none(); // may not be entered: then nothing is certain
            }
        }
        return found;
    }
}
