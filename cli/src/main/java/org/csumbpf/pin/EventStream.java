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
import org.csumbpf.snapshot.AttachmentView;

/** The events of all attachments, also of those that come and go meanwhile. For one thread. */
public final class EventStream implements AutoCloseable {
    /**
     * Where an event comes from.
     *
     * @param netns as {@link AttachmentView#netnsLabel()}
     * @param ifname the interface's name now
     */
    public record Origin(String netns, String ifname) {}

    private final Selection only;
    private final BiConsumer<Origin, Event> consumer;
    /** The ids of the ring buffers that are open: an attachment that was made anew has another one. */
    private Map<PinDirectory, Integer> open = Map.of();

    private EventReader reader;

    /** @param only of these attachments */
    public EventStream(Selection only, BiConsumer<Origin, Event> consumer) {
        this.only = only;
        this.consumer = consumer;
    }

    /** Looks which attachments there are, then waits for events and hands over all there are. */
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
                found.clear(); // the reader's from here on
                reader = new EventReader(consumers);
            }
            open = ids;
        } finally {
            found.values().forEach(RawMap::close);
        }
    }

    /** Empty also where something else lies at its place: metrics tell of that, and the others' events are to be read. */
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
                default -> throw e; // no descriptors left, say: concerns all
            };
        }
    }

    private static Origin origin(PinDirectory pins) {
        Optional<NetworkNamespace> found = NetworkNamespace.byInode(pins.netns());
        try (NetworkNamespace netns = found.orElse(null)) {
            Place place = Place.of(pins, found);
            return new Origin(place.netnsLabel(), place.ifname());
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
