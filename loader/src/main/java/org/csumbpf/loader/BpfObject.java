// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/** An object file of BPF programs and maps: opened without privileges, then loaded into the kernel. */
public final class BpfObject implements AutoCloseable {
    private static final int OPTS_SIZE = 80;
    private static final int OPTS_NAME = 8;
    private static final int OPTS_LOG_BUF = 56;
    private static final int OPTS_LOG_SIZE = 64;
    /** The longest log that a 5.10 kernel accepts (UINT_MAX >> 8). Memory is used only for what is written. */
    private static final int LOG_SIZE = (1 << 24) - 1;

    private final String name;
    private final Memory log;
    private Pointer object;

    private BpfObject(String name, Memory log, Pointer object) {
        this.name = name;
        this.log = log;
        this.object = object;
    }

    /**
     * Parses an ELF file. KernelException, with EINVAL for example, if it is none.
     *
     * @param name for messages, and for the maps that libbpf names itself
     */
    public static BpfObject open(byte[] elf, String name) {
        Memory log = new Memory(LOG_SIZE);
        // libbpf copies the file and the name.
        try (Memory bytes = new Memory(Math.max(1, elf.length));
                Memory text = new Memory(name.length() + 1L);
                Memory opts = Libbpf.options(OPTS_SIZE)) {
            bytes.write(0, elf, 0, elf.length);
            text.setString(0, name);
            log.setByte(0, (byte) 0);
            opts.setPointer(OPTS_NAME, text);
            opts.setPointer(OPTS_LOG_BUF, log);
            opts.setLong(OPTS_LOG_SIZE, LOG_SIZE);
            Pointer object =
                    Libbpf.checkPointer(Libbpf.bpf_object__open_mem(bytes, elf.length, opts), "open BPF object", name);
            return new BpfObject(name, log, object);
        } catch (RuntimeException e) {
            log.close();
            throw e;
        }
    }

    /** Before load: use this map instead of the object's own. Type and sizes must be the same. */
    public void reuseMap(String map, RawMap existing) {
        Libbpf.check(Libbpf.bpf_map__reuse_fd(findMap(map), existing.fd()), "reuse map for", map);
    }

    /** Before load: set how many entries a map has room for. */
    public void setMaxEntries(String map, int entries) {
        Libbpf.check(Libbpf.bpf_map__set_max_entries(findMap(map), entries), "size map", map);
    }

    /** Before load: leave this program out. Its maps are still created. */
    public void skipProgram(String program) {
        Libbpf.check(Libbpf.bpf_program__set_autoload(findProgram(program), false), "skip program", program);
    }

    /** Creates the maps and loads the programs. VerifierException if the verifier rejects one. */
    public void load() {
        int result = Libbpf.bpf_object__load(object());
        if (result < 0) {
            String text = log.getString(0);
            if (!text.isBlank()) {
                throw new VerifierException(name, -result, text);
            }
            throw new KernelException("load BPF object", name, -result);
        }
    }

    /** A program of the loaded object. It outlives the object. */
    public BpfProgram program(String program) {
        int fd = Libbpf.check(Libbpf.bpf_program__fd(findProgram(program)), "get descriptor of program", program);
        return new BpfProgram(FileDescriptor.duplicate(fd, program), program);
    }

    /** A map of the loaded object. It outlives the object. */
    public RawMap map(String map) {
        int fd = Libbpf.check(Libbpf.bpf_map__fd(findMap(map)), "get descriptor of map", map);
        return new RawMap(FileDescriptor.duplicate(fd, map), map);
    }

    public List<String> mapNames() {
        List<String> names = new ArrayList<>();
        for (Pointer map = Libbpf.bpf_object__next_map(object(), null);
                map != null;
                map = Libbpf.bpf_object__next_map(object(), map)) {
            names.add(Libbpf.bpf_map__name(map));
        }
        return names;
    }

    /** What the file declares about a map. */
    public MapSpec mapSpec(String map) {
        Pointer found = findMap(map);
        return new MapSpec(
                Libbpf.bpf_map__type(found),
                Libbpf.bpf_map__key_size(found),
                Libbpf.bpf_map__value_size(found),
                Libbpf.bpf_map__max_entries(found));
    }

    /** The object's type information, valid while the object is open. */
    public Btf btf() {
        return new Btf(Libbpf.checkPointer(Libbpf.bpf_object__btf(object()), "read BTF of", name));
    }

    private Pointer findProgram(String program) {
        return Libbpf.checkPointer(Libbpf.bpf_object__find_program_by_name(object(), program), "find program", program);
    }

    private Pointer findMap(String map) {
        return Libbpf.checkPointer(Libbpf.bpf_object__find_map_by_name(object(), map), "find map", map);
    }

    private Pointer object() {
        if (object == null) {
            throw new IllegalStateException("closed");
        }
        return object;
    }

    @Override
    public void close() {
        if (object != null) {
            Libbpf.bpf_object__close(object);
            object = null;
            log.close();
        }
    }
}
