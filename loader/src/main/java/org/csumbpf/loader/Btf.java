// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The structs and enums in the type information of an object file (Documentation/bpf/btf.rst in the kernel). Valid
 * while the object is open.
 */
public final class Btf {
    private static final int KIND_STRUCT = 4;
    private static final int KIND_ENUM = 6;
    private static final int TYPE_SIZE = 12;
    private static final int MEMBER_SIZE = 12;
    private static final int ENUMERATOR_SIZE = 8;

    private final Pointer btf;

    Btf(Pointer btf) {
        this.btf = btf;
    }

    /**
     * A struct.
     *
     * @param name its tag
     * @param size bytes
     * @param members in order
     */
    public record Struct(String name, int size, List<Member> members) {}

    /**
     * A member of a struct.
     *
     * @param name in C
     * @param offsetBytes from the start of the struct
     * @param sizeBytes of its type
     */
    public record Member(String name, int offsetBytes, int sizeBytes) {}

    /** A struct by its tag. Bit-fields are not supported. */
    public Optional<Struct> struct(String name) {
        return find(name, KIND_STRUCT).map(type -> {
            // struct btf_type { __u32 name_off; __u32 info; __u32 size; }
            // vlen is the lower half of info, kind_flag its top bit.
            int info = type.getInt(4);
            if (info < 0) {
                throw new UnsupportedOperationException("struct " + name + " has bit-fields");
            }
            List<Member> members = new ArrayList<>();
            for (int i = 0; i < (info & 0xffff); i++) {
                long member = TYPE_SIZE + (long) i * MEMBER_SIZE;
                members.add(new Member(
                        Libbpf.btf__name_by_offset(btf, type.getInt(member)), type.getInt(member + 8) / 8, (int)
                                Libbpf.btf__resolve_size(btf, type.getInt(member + 4))));
            }
            return new Struct(name, type.getInt(8), members);
        });
    }

    /** An enum's constants by name; empty if there is no such enum. */
    public Map<String, Long> enumConstants(String name) {
        Map<String, Long> constants = new LinkedHashMap<>();
        find(name, KIND_ENUM).ifPresent(type -> {
            for (int i = 0; i < (type.getInt(4) & 0xffff); i++) {
                long enumerator = TYPE_SIZE + (long) i * ENUMERATOR_SIZE;
                constants.put(
                        Libbpf.btf__name_by_offset(btf, type.getInt(enumerator)), (long) type.getInt(enumerator + 4));
            }
        });
        return constants;
    }

    private Optional<Pointer> find(String name, int kind) {
        int id = Libbpf.btf__find_by_name_kind(btf, name, kind);
        return id == -Errno.ENOENT
                ? Optional.empty()
                : Optional.of(Libbpf.btf__type_by_id(btf, Libbpf.check(id, "find BTF type", name)));
    }
}
