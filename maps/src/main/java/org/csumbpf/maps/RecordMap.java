// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.csumbpf.loader.RawMap;

/** The map {@code attachment}, which holds one {@link AttachmentRecord}, also in the layout of earlier versions. */
public final class RecordMap implements AutoCloseable {
    /** The name of the map and of its pin. */
    public static final String NAME = "attachment";

    private final BpfMap<Integer, AttachmentRecord> map;
    private final boolean current;

    RecordMap(RawMap raw) {
        current = raw.info().valueSize() != Codecs.ATTACHMENT_1.size();
        map = BpfMap.shared(raw, Codecs.U32, current ? Codecs.ATTACHMENT : Codecs.ATTACHMENT_1);
    }

    /** Opens the record in an attachment's directory of pins. The other pins may be missing. */
    public static RecordMap fromPin(Path directory) {
        RawMap raw = RawMap.fromPin(directory.resolve(NAME));
        try {
            return new RecordMap(raw);
        } catch (RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    /** Whether the map has this version's layout, so that all of a record fits. */
    public boolean isCurrent() {
        return current;
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

    /** The map's id in the kernel. */
    public int id() {
        return map.raw().info().id();
    }

    RawMap raw() {
        return map.raw();
    }

    @Override
    public void close() {
        map.close();
    }
}
