// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.Buffer;

/**
 * All functions of libbpf.so.1 that this project calls. If one fails, its int result is -errno, or its pointer is null
 * and errno is set ({@link #check} and {@link #checkPointer}). Structures are blocks of memory with the offsets of
 * libbpf 1.0's headers, because JNA's Structure uses reflection, which costs start-up time.
 */
final class Libbpf {
    static final int BPF_TCX_INGRESS = 46;

    static {
        try {
            Native.register(Libbpf.class, "libbpf.so.1");
        } catch (UnsatisfiedLinkError e) {
            throw new LibbpfException(
                    "libbpf.so.1 (libbpf 1.0 or later) cannot be loaded", "run 'apt install libbpf1'", e);
        }
        // libbpf would print to stderr; the exceptions say the same.
        libbpf_set_print(null);
    }

    private Libbpf() {}

    static native Pointer libbpf_set_print(Pointer function);

    static native int libbpf_num_possible_cpus();

    static native Pointer bpf_object__open_mem(Pointer bytes, long size, Pointer opts);

    static native int bpf_object__load(Pointer object);

    static native void bpf_object__close(Pointer object);

    static native Pointer bpf_object__find_program_by_name(Pointer object, String name);

    static native Pointer bpf_object__find_map_by_name(Pointer object, String name);

    static native Pointer bpf_object__next_map(Pointer object, Pointer previous);

    static native Pointer bpf_object__btf(Pointer object);

    static native int bpf_program__set_autoload(Pointer program, boolean autoload);

    static native int bpf_program__fd(Pointer program);

    static native int bpf_map__fd(Pointer map);

    static native String bpf_map__name(Pointer map);

    static native int bpf_map__type(Pointer map);

    static native int bpf_map__key_size(Pointer map);

    static native int bpf_map__value_size(Pointer map);

    static native int bpf_map__max_entries(Pointer map);

    static native int bpf_map__set_max_entries(Pointer map, int entries);

    static native int bpf_map__reuse_fd(Pointer map, int fd);

    static native int bpf_map_lookup_elem(int fd, Buffer key, Buffer value);

    static native int bpf_map_update_elem(int fd, Buffer key, Buffer value, long flags);

    static native int bpf_map_delete_elem(int fd, Buffer key);

    static native int bpf_map_lookup_batch(
            int fd, Buffer inBatch, Buffer outBatch, Buffer keys, Buffer values, Pointer count, Pointer opts);

    static native Pointer ring_buffer__new(int map, RingBuffer.SampleCallback sample, Pointer context, Pointer opts);

    static native int ring_buffer__add(Pointer ring, int map, RingBuffer.SampleCallback sample, Pointer context);

    static native int ring_buffer__poll(Pointer ring, int timeoutMillis);

    static native void ring_buffer__free(Pointer ring);

    static native int bpf_obj_pin(int fd, String path);

    static native int bpf_obj_get(String path);

    static native int bpf_prog_get_fd_by_id(int id);

    static native int bpf_prog_get_next_id(int id, Pointer next);

    static native int bpf_map_get_fd_by_id(int id);

    static native int bpf_obj_get_info_by_fd(int fd, Pointer info, Pointer length);

    static native int bpf_prog_bind_map(int program, int map, Pointer opts);

    static native int bpf_prog_test_run_opts(int fd, Pointer opts);

    static native int bpf_link_create(int program, int target, int attachType, Pointer opts);

    static native int bpf_link_update(int link, int program, Pointer opts);

    static native int bpf_link_detach(int link);

    static native int bpf_prog_query_opts(int target, int attachType, Pointer opts);

    static native int bpf_tc_hook_create(Pointer hook);

    static native int bpf_tc_hook_destroy(Pointer hook);

    static native int bpf_tc_attach(Pointer hook, Pointer opts);

    static native int bpf_tc_detach(Pointer hook, Pointer opts);

    static native int bpf_tc_query(Pointer hook, Pointer opts);

    static native int btf__find_by_name_kind(Pointer btf, String name, int kind);

    static native Pointer btf__type_by_id(Pointer btf, int id);

    static native String btf__name_by_offset(Pointer btf, int offset);

    static native long btf__resolve_size(Pointer btf, int id);

    /** The result, or a KernelException for a negative one. */
    static int check(int result, String operation, String object) {
        if (result < 0) {
            throw new KernelException(operation, object, -result);
        }
        return result;
    }

    /** The pointer, or a KernelException with the calling thread's errno for null. */
    static Pointer checkPointer(Pointer result, String operation, String object) {
        if (result == null) {
            throw new KernelException(operation, object, Native.getLastError());
        }
        return result;
    }

    /** One of libbpf's extensible option structs: zeroed, with its size in the first eight bytes. */
    static Memory options(int size) {
        Memory memory = zeroed(size);
        memory.setLong(0, size);
        return memory;
    }

    static Memory zeroed(int size) {
        Memory memory = new Memory(size);
        memory.clear();
        return memory;
    }

    /** What the kernel says about a descriptor's object. Members that an older kernel does not know are zero. */
    static Memory info(int fd, int size, String object) {
        Memory info = zeroed(size);
        info(fd, info, object);
        return info;
    }

    static void info(int fd, Memory info, String object) {
        try (Memory length = new Memory(4)) {
            length.setInt(0, (int) info.size());
            check(bpf_obj_get_info_by_fd(fd, info, length), "get info of", object);
        }
    }
}
