// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** {@code struct csumbpf_first_rules}. */
final class FirstRulesCodec extends StructCodec<FirstRules> {
    private final StructLayout.Field place = layout.bytes("place", Codecs.FIRST_RULE.size() * FirstRules.PLACES);
    private final StructLayout.Field more;

    FirstRulesCodec() {
        super("csumbpf_first_rules");
        more = layout.u32("more");
    }

    @Override
    public void write(ByteBuffer buffer, FirstRules value) {
        for (int i = 0; i < FirstRules.PLACES; i++) {
            Codecs.FIRST_RULE.writeAt(
                    buffer,
                    place.offset() + i * Codecs.FIRST_RULE.size(),
                    value.places().get(i));
        }
        buffer.putInt(more.offset(), value.more() ? 1 : 0);
    }

    @Override
    public FirstRules read(ByteBuffer buffer, int base) {
        List<FirstRules.Place> places = new ArrayList<>();
        for (int i = 0; i < FirstRules.PLACES; i++) {
            places.add(Codecs.FIRST_RULE.read(buffer, base + place.offset() + i * Codecs.FIRST_RULE.size()));
        }
        return new FirstRules(places, more.getU32(buffer, base) != 0);
    }
}
