// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;

/** A map of the kernel, with keys and values as bytes. Buffers are direct and in native byte order. */
public final class RawMap implements AutoCloseable {
    private static final int INFO_SIZE = 88;
    private static final int INFO_TYPE = 0;
    private static final int INFO_ID = 4;
    private static final int INFO_KEY_SIZE = 8;
    private static final int INFO_VALUE_SIZE = 12;
    private static final int INFO_MAX_ENTRIES = 16;
    private static final int INFO_MAP_FLAGS = 20;
    private static final int INFO_NAME = 24;
    private static final int PERCPU_HASH = 5;
    private static final int PERCPU_ARRAY = 6;
    private static final int LRU_PERCPU_HASH = 10;
    private static final int PERCPU_CGROUP_STORAGE = 21;
    private static final int RINGBUF = 27;
    /** Entries that one system call reads at first; more if a bucket holds more. */
    private static final int BATCH = 256;

    private final FileDescriptor fd;
    private final MapInfo info;

    RawMap(FileDescriptor fd, String object) {
        this.fd = fd;
        try (Memory memory = Libbpf.info(fd.get(), INFO_SIZE, object)) {
            info = new MapInfo(
                    memory.getInt(INFO_ID),
                    memory.getInt(INFO_TYPE),
                    memory.getString(INFO_NAME),
                    memory.getInt(INFO_KEY_SIZE),
                    memory.getInt(INFO_VALUE_SIZE),
                    memory.getInt(INFO_MAX_ENTRIES),
                    memory.getInt(INFO_MAP_FLAGS));
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
    }

    /** Opens a pinned map. */
    public static RawMap fromPin(Path pin) {
        String object = pin.toString();
        return new RawMap(new FileDescriptor(Libbpf.bpf_obj_get(object), "open pinned map", object), object);
    }

    /** Opens a map by its id; empty if there is none. */
    public static Optional<RawMap> fromId(int id) {
        int fd = Libbpf.bpf_map_get_fd_by_id(id);
        return fd == -Errno.ENOENT
                ? Optional.empty()
                : Optional.of(new RawMap(new FileDescriptor(fd, "open map", "id " + id), "map id " + id));
    }

    int fd() {
        return fd.get();
    }

    public MapInfo info() {
        return info;
    }

    /** Pins the map at a path in a bpffs; the file keeps it alive. */
    public void pin(Path path) {
        Libbpf.check(Libbpf.bpf_obj_pin(fd.get(), path.toString()), "pin map " + info.name() + " at", path.toString());
    }

    /** Whether the map has a value for each CPU. */
    public boolean isPerCpu() {
        return switch (info.type()) {
            case PERCPU_HASH, PERCPU_ARRAY, LRU_PERCPU_HASH, PERCPU_CGROUP_STORAGE -> true;
            default -> false;
        };
    }

    /** Whether the map is a ring buffer (BPF_MAP_TYPE_RINGBUF). */
    public boolean isRingBuffer() {
        return info.type() == RINGBUF;
    }

    /** Bytes of a value in a look-up. In a per-CPU map: the values of all CPUs, each rounded up to eight bytes. */
    public int valueBufferSize() {
        return isPerCpu() ? (info.valueSize() + 7 & ~7) * Cpus.possible() : info.valueSize();
    }

    /** Reads a value; false if there is no such key. */
    public boolean lookup(ByteBuffer key, ByteBuffer value) {
        return found(Libbpf.bpf_map_lookup_elem(fd.get(), key, value), "look up in map");
    }

    /** Writes a value. KernelException: EEXIST or ENOENT if {@code flag} forbids it, E2BIG if the map is full. */
    public void update(ByteBuffer key, ByteBuffer value, UpdateFlag flag) {
        Libbpf.check(Libbpf.bpf_map_update_elem(fd.get(), key, value, flag.ordinal()), "update map", info.name());
    }

    /** Deletes a key; false if there was no such key. */
    public boolean delete(ByteBuffer key) {
        return found(Libbpf.bpf_map_delete_elem(fd.get(), key), "delete from map");
    }

    /** Gets an entry, which starts at these indices of the buffers. The buffers are valid only during the call. */
    public interface EntryVisitor {
        void visit(ByteBuffer keys, int keyBase, ByteBuffer values, int valueBase);
    }

    /**
     * Reads all entries of a hash map, many with each system call (BPF_MAP_LOOKUP_BATCH, kernel 5.6). The kernel locks
     * a bucket and reads all of it: only an entry that is added or removed meanwhile may be missed.
     */
    public void forEach(EntryVisitor visitor) {
        int room = Math.min(info.maxEntries(), BATCH);
        int valueSize = valueBufferSize();
        ByteBuffer[] positions = {
            direct(Math.max(Integer.BYTES, info.keySize())), direct(Math.max(Integer.BYTES, info.keySize()))
        };
        ByteBuffer from = null;
        ByteBuffer to = positions[0];
        ByteBuffer keys = direct(room * info.keySize());
        ByteBuffer values = direct(room * valueSize);
        try (Memory count = new Memory(Integer.BYTES)) {
            while (true) {
                count.setInt(0, room);
                int result = Libbpf.bpf_map_lookup_batch(fd.get(), from, to, keys, values, count, null);
                if (result == -Errno.ENOSPC) { // a bucket holds more than the buffers have room for
                    room *= 2;
                    keys = direct(room * info.keySize());
                    values = direct(room * valueSize);
                    continue;
                }
                boolean more = found(result, "read map");
                for (int i = 0; i < count.getInt(0); i++) {
                    visitor.visit(keys, i * info.keySize(), values, i * valueSize);
                }
                if (!more) {
                    return;
                }
                from = to;
                to = from == positions[0] ? positions[1] : positions[0];
            }
        }
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }

    private boolean found(int result, String operation) {
        if (result == -Errno.ENOENT) {
            return false;
        }
        Libbpf.check(result, operation, info.name());
        return true;
    }

    @Override
    public void close() {
        fd.close();
    }
}
