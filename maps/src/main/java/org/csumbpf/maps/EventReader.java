// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.RingBuffer;

/** Reads the events of one or more attachments. Each event is read once, by this reader or by another. */
public final class EventReader implements AutoCloseable {
    private final Map<RawMap, Consumer<ByteBuffer>> maps;
    private final RingBuffer ring;

    /**
     * Takes over the maps, and closes them if it fails.
     *
     * @param consumers at least one map named {@link CsumbpfMaps#EVENTS}, and what gets its events
     */
    public EventReader(Map<RawMap, Consumer<Event>> consumers) {
        maps = new LinkedHashMap<>();
        consumers.forEach((map, consumer) -> maps.put(map, record -> consumer.accept(Codecs.EVENT.read(record, 0))));
        try {
            ring = new RingBuffer(maps);
        } catch (RuntimeException e) {
            maps.keySet().forEach(RawMap::close);
            throw e;
        }
    }

    /** The ring buffer of the attachment that is pinned in that directory. */
    public static RawMap map(Path directory) {
        return RawMap.fromPin(directory.resolve(CsumbpfMaps.EVENTS));
    }

    /**
     * Waits for events, and passes all there are to the consumers.
     *
     * @param timeoutMillis how long to wait; 0: not at all
     * @return the number of events
     */
    public int poll(int timeoutMillis) {
        return ring.poll(timeoutMillis);
    }

    @Override
    public void close() {
        ring.close();
        maps.keySet().forEach(RawMap::close);
    }
}
