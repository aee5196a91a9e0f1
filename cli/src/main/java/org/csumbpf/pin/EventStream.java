// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.Event;
import org.csumbpf.maps.EventReader;

/** The events of all attachments, also of those that come and go meanwhile. For one thread. */
public final class EventStream implements AutoCloseable {
    /**
     * Where an event comes from.
     *
     * @param netns {@link Location#netnsLabel()}
     * @param ifname the interface's current name
     */
    public record Source(String netns, String ifname) {}

    private final Selection only;
    private final BiConsumer<Source, Event> consumer;
    /** Ids of the open ring buffers. An attachment that was made anew has another id. */
    private Map<PinDirectory, Integer> open = Map.of();

    private EventReader reader;

    /** @param only of these attachments */
    public EventStream(Selection only, BiConsumer<Source, Event> consumer) {
        this.only = only;
        this.consumer = consumer;
    }

    /** Finds the attachments that exist now, then waits for events and hands over all there are. */
    public void poll(int timeoutMillis) throws InterruptedException {
        follow();
        if (reader == null) {
            TimeUnit.MILLISECONDS.sleep(timeoutMillis);
        } else {
            reader.poll(timeoutMillis);
        }
    }

    private void follow() {
        Map<PinDirectory, RawMap> found = new LinkedHashMap<>();
        try {
            for (PinDirectory pins : only.attachments()) {
                map(pins).ifPresent(map -> found.put(pins, map));
            }
            Map<PinDirectory, Integer> ids = new HashMap<>();
            found.forEach((pins, map) -> ids.put(pins, map.info().id()));
            if (ids.equals(open)) {
                return;
            }
            close();
            if (!found.isEmpty()) {
                Map<RawMap, Consumer<Event>> consumers = new LinkedHashMap<>();
                found.forEach((pins, map) -> consumers.put(map, event -> consumer.accept(origin(pins), event)));
                found.clear(); // the reader closes them from here on
                reader = new EventReader(consumers);
            }
            open = ids;
        } finally {
            found.values().forEach(RawMap::close);
        }
    }

    /** Empty also if something else is pinned there: metrics report that, and the others' events must still be read. */
    private static Optional<RawMap> map(PinDirectory pins) {
        try {
            RawMap map = EventReader.map(pins.path());
            if (map.isRingBuffer()) {
                return Optional.of(map);
            }
            map.close();
            return Optional.empty();
        } catch (KernelException e) {
            return switch (e.errno()) {
                case Errno.ENOENT, Errno.EACCES, Errno.EPERM, Errno.EINVAL, Errno.ENOTDIR -> Optional.empty();
                default -> throw e; // concerns all, as when no descriptors are left
            };
        }
    }

    private static Source origin(PinDirectory pins) {
        Optional<NetworkNamespace> found = NetworkNamespace.byInode(pins.netns());
        try (NetworkNamespace netns = found.orElse(null)) {
            Location location = Location.of(pins, found);
            return new Source(location.netnsLabel(), location.ifname());
        }
    }

    @Override
    public void close() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
        open = Map.of();
    }
}
