// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.Map;

/** {@code struct csumbpf_counters}. */
public final class CountersCodec extends StructCodec<Counters> {
    private final StructLayout.Field outcome = layout.bytes("outcome", Codecs.COUNT.size() * Outcome.values().length);

    CountersCodec() {
        super("csumbpf_counters");
    }

    @Override
    public void write(ByteBuffer buffer, Counters value) {
        value.byOutcome().forEach((key, count) -> Codecs.COUNT.writeAt(buffer, index(key), count));
    }

    @Override
    public Counters read(ByteBuffer buffer, int base) {
        Map<Outcome, Count> counts = new EnumMap<>(Outcome.class);
        for (Outcome key : Outcome.values()) {
            counts.put(key, Codecs.COUNT.read(buffer, base + index(key)));
        }
        return new Counters(counts);
    }

    private int index(Outcome key) {
        return outcome.offset() + key.ordinal() * Codecs.COUNT.size();
    }
}
