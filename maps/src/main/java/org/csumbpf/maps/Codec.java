// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** Turns a map's key or value into a Java value and back. Buffers are in native byte order. */
public interface Codec<T> {
    /** Bytes that one value takes. */
    int size();

    /** Writes {@code value} at the buffer's index 0. The caller has zeroed the buffer. */
    void write(ByteBuffer buffer, T value);

    /** Reads a value that starts at index {@code base}. */
    T read(ByteBuffer buffer, int base);
}
