// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The layout of a C struct of bpf/csumbpf.h: members in order, without implicit padding. The codecs read and write
 * through these members, so a test that compares the members with the object's BTF tests the codecs.
 */
public final class StructLayout {
    private final String name;
    private final List<Field> fields = new ArrayList<>();
    private int size;

    StructLayout(String name) {
        this.name = name;
    }

    /** The struct's tag in C. */
    public String name() {
        return name;
    }

    /** Bytes. */
    public int size() {
        return size;
    }

    public List<Field> fields() {
        return Collections.unmodifiableList(fields);
    }

    Field u8(String member) {
        return add(member, 1);
    }

    Field u16(String member) {
        return add(member, 2);
    }

    Field u32(String member) {
        return add(member, 4);
    }

    Field u64(String member) {
        return add(member, 8);
    }

    /** An array or a nested struct. */
    Field bytes(String member, int length) {
        return add(member, length);
    }

    private Field add(String member, int length) {
        Field field = new Field(member, size, length);
        fields.add(field);
        size += length;
        return field;
    }

    /**
     * A member.
     *
     * @param name in C
     * @param offset bytes from the start of the struct
     * @param size bytes
     */
    public record Field(String name, int offset, int size) {
        int getU8(ByteBuffer buffer, int base) {
            return Byte.toUnsignedInt(buffer.get(base + offset));
        }

        int getU16(ByteBuffer buffer, int base) {
            return Short.toUnsignedInt(buffer.getShort(base + offset));
        }

        int getU32(ByteBuffer buffer, int base) {
            return buffer.getInt(base + offset);
        }

        long getU64(ByteBuffer buffer, int base) {
            return buffer.getLong(base + offset);
        }

        byte[] getBytes(ByteBuffer buffer, int base) {
            byte[] bytes = new byte[size];
            buffer.get(base + offset, bytes);
            return bytes;
        }
    }
}
