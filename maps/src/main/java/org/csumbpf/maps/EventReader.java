// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.RingBuffer;

/** Reads the events of one or more attachments. Each is read once: what another reader has had does not come again. */
public final class EventReader implements AutoCloseable {
    private final Map<RawMap, Consumer<ByteBuffer>> maps;
    private final RingBuffer ring;

    /**
     * Takes over the maps, also where it fails.
     *
     * @param consumers at least one map named {@link CsumbpfMaps#EVENTS}, and who gets what is in it
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

    /** The ring buffer that an attachment pinned in that directory. */
    public static RawMap map(Path directory) {
        return RawMap.fromPin(directory.resolve(CsumbpfMaps.EVENTS));
    }

    /**
     * Waits for events, and hands over all there are.
     *
     * @param timeoutMillis 0: does not wait
     * @return how many there were
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
