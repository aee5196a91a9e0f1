// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import org.csumbpf.loader.MapInfo;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.UpdateFlag;

/**
 * A kernel map with Java keys and values. Reading a per-CPU map merges the values of all CPUs; writing sets the first
 * CPU's value, and zeroes the others. Not thread-safe, because the buffers are reused.
 */
public final class BpfMap<K, V> implements AutoCloseable {
    private final RawMap raw;
    private final Codec<K> keys;
    private final Codec<V> values;
    private final BinaryOperator<V> merge;
    private final ByteBuffer key;
    private final ByteBuffer value;

    private BpfMap(RawMap raw, Codec<K> keys, Codec<V> values, BinaryOperator<V> merge) {
        MapInfo info = raw.info();
        if (info.keySize() != keys.size() || info.valueSize() != values.size()) {
            throw new OtherVersionException("map " + info.name() + " has keys of " + info.keySize() + " and values of "
                    + info.valueSize() + " bytes, but this version of csumbpf has " + keys.size() + " and "
                    + values.size());
        }
        if (raw.isPerCpu() != (merge != null)) {
            throw new IllegalArgumentException("map " + info.name() + (merge == null ? " is" : " is not") + " per CPU");
        }
        this.raw = raw;
        this.keys = keys;
        this.values = values;
        this.merge = merge;
        this.key = buffer(keys.size());
        this.value = buffer(raw.valueBufferSize());
    }

    /** A map that all CPUs share. */
    public static <K, V> BpfMap<K, V> shared(RawMap raw, Codec<K> keys, Codec<V> values) {
        return new BpfMap<>(raw, keys, values, null);
    }

    /** A map with a value for each CPU. */
    public static <K, V> BpfMap<K, V> perCpu(RawMap raw, Codec<K> keys, Codec<V> values, BinaryOperator<V> merge) {
        return new BpfMap<>(raw, keys, values, merge);
    }

    public RawMap raw() {
        return raw;
    }

    public Optional<V> get(K k) {
        write(key, keys, k);
        return raw.lookup(key, value) ? Optional.of(decode(value, 0)) : Optional.empty();
    }

    /** Adds or replaces. Readers, also the program, see the old value or the new one. */
    public void put(K k, V v) {
        write(key, keys, k);
        write(value, values, v);
        raw.update(key, value, UpdateFlag.ANY);
    }

    /** False if there was no such key. */
    public boolean remove(K k) {
        write(key, keys, k);
        return raw.delete(key);
    }

    /** All entries of a hash map. An entry that is added or removed meanwhile may be missing; any other is there. */
    public Map<K, V> entries() {
        Map<K, V> entries = new LinkedHashMap<>();
        raw.forEach((k, keyBase, v, valueBase) -> entries.put(keys.read(k, keyBase), decode(v, valueBase)));
        return entries;
    }

    @Override
    public void close() {
        raw.close();
    }

    private V decode(ByteBuffer buffer, int base) {
        V decoded = values.read(buffer, base);
        if (merge != null) {
            int stride = (values.size() + 7) & ~7;
            for (int at = stride; at + values.size() <= raw.valueBufferSize(); at += stride) {
                decoded = merge.apply(decoded, values.read(buffer, base + at));
            }
        }
        return decoded;
    }

    private static <T> void write(ByteBuffer buffer, Codec<T> codec, T written) {
        for (int i = 0; i < buffer.capacity(); i++) {
            buffer.put(i, (byte) 0);
        }
        codec.write(buffer, written);
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }
}
