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
 * Reads what programs write to BPF_MAP_TYPE_RINGBUF maps (kernel 5.8). The map holds the position of reading, so a
 * later reader continues there, and two readers at the same time get a part each.
 */
public final class RingBuffer implements AutoCloseable {
    /** {@code ring_buffer_sample_fn}; a negative result ends the poll. */
    interface SampleCallback extends Callback {
        int invoke(Pointer context, Pointer data, long size);
    }

    /** Keeps the callbacks from garbage collection while libbpf may call them. */
    private final List<SampleCallback> kept = new ArrayList<>();

    private Pointer ring;
    private RuntimeException failure;

    /**
     * Reads several maps together. They must stay open until this object is closed.
     *
     * @param consumers what gets each record, in native byte order; the buffer is valid only during the call
     */
    public RingBuffer(Map<RawMap, Consumer<ByteBuffer>> consumers) {
        consumers.forEach((map, consumer) -> {
            SampleCallback callback = (context, data, size) -> read(data, size, consumer);
            kept.add(callback);
            if (ring == null) {
                ring = Libbpf.checkPointer(
                        Libbpf.ring_buffer__new(map.fd(), callback, null, null),
                        "open ring buffer",
                        map.info().name());
            } else {
                int result = Libbpf.ring_buffer__add(ring, map.fd(), callback, null);
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

    /** Keeps an exception of the consumer for poll() to throw, because exceptions cannot pass through native code. */
    private int read(Pointer data, long size, Consumer<ByteBuffer> consumer) {
        try {
            consumer.accept(data.getByteBuffer(0, size).order(ByteOrder.nativeOrder()));
        } catch (RuntimeException e) {
            failure = e;
        }
        return 0;
    }

    /**
     * Waits until there are records, and passes all there are to the consumers.
     *
     * @param timeoutMillis how long to wait; 0: not at all
     * @return the number of records
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
