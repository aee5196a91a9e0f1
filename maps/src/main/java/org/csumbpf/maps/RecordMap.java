// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.csumbpf.loader.RawMap;

/** The map {@code attachment}: one {@link AttachmentRecord}, which the program holds but never reads. */
public final class RecordMap implements AutoCloseable {
    /** The map's name, and that of its pin. */
    public static final String NAME = "attachment";

    private final BpfMap<Integer, AttachmentRecord> map;

    RecordMap(RawMap raw) {
        map = BpfMap.shared(raw, Codecs.U32, Codecs.ATTACHMENT);
    }

    /** From the pins of an attachment, of which this one may be all there is. */
    public static RecordMap fromPin(Path directory) {
        RawMap raw = RawMap.fromPin(directory.resolve(NAME));
        try {
            return new RecordMap(raw);
        } catch (RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    public AttachmentRecord get() {
        return map.get(0).orElseThrow();
    }

    public void set(AttachmentRecord record) {
        map.put(0, record);
    }

    public void update(UnaryOperator<AttachmentRecord> change) {
        set(change.apply(get()));
    }

    RawMap raw() {
        return map.raw();
    }

    @Override
    public void close() {
        map.close();
    }
}
