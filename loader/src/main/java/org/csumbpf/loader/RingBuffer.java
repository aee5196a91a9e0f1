// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Reads what programs write to BPF_MAP_TYPE_RINGBUF maps (kernel 5.8). How far one is read stands in the map, so a reader
 * that comes later goes on there. Of two readers at the same time each gets a part.
 */
public final class RingBuffer implements AutoCloseable {
    /** {@code ring_buffer_sample_fn}; a negative result ends the poll. */
    interface Sample extends Callback {
        int invoke(Pointer context, Pointer data, long size);
    }

    /** libbpf calls these: they must not be collected before it is through. */
    private final List<Sample> kept = new ArrayList<>();

    private Pointer ring;
    private RuntimeException failure;

    /**
     * Opens maps together. They must stay open as long as this.
     *
     * @param consumers what gets each record, in native byte order; the buffer is good only during the call
     */
    public RingBuffer(Map<RawMap, Consumer<ByteBuffer>> consumers) {
        consumers.forEach((map, consumer) -> {
            Sample sample = (context, data, size) -> read(data, size, consumer);
            kept.add(sample);
            if (ring == null) {
                ring = Libbpf.checkPointer(
                        Libbpf.ring_buffer__new(map.fd(), sample, null, null),
                        "open ring buffer",
                        map.info().name());
            } else {
                int result = Libbpf.ring_buffer__add(ring, map.fd(), sample, null);
                if (result < 0) {
                    close();
                    Libbpf.check(result, "open ring buffer", map.info().name());
                }
            }
        });
        if (ring == null) {
            throw new IllegalArgumentException("no map");
        }
    }

    /** Not thrown through native code, which has no place for it: the poll throws it afterwards. */
    private int read(Pointer data, long size, Consumer<ByteBuffer> consumer) {
        try {
            consumer.accept(data.getByteBuffer(0, size).order(ByteOrder.nativeOrder()));
        } catch (RuntimeException e) {
            failure = e;
        }
        return 0;
    }

    /**
     * Waits until there are records, and hands over all there are.
     *
     * @param timeoutMillis how long to wait; 0: not at all
     * @return how many there were
     */
    public int poll(int timeoutMillis) {
        if (ring == null) {
            throw new IllegalStateException("closed");
        }
        int result = Libbpf.ring_buffer__poll(ring, timeoutMillis);
        if (failure != null) {
            RuntimeException thrown = failure;
            failure = null;
            throw thrown;
        }
        return result == -Errno.EINTR ? 0 : Libbpf.check(result, "poll", "ring buffers");
    }

    @Override
    public void close() {
        if (ring != null) {
            Libbpf.ring_buffer__free(ring);
            ring = null;
        }
    }
}
