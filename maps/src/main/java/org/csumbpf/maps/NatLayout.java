// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.ByteBuffer;

/** {@code struct csumbpf_nat}, a part of {@code struct csumbpf_peer}. The delta is in network byte order. */
final class NatLayout {
    /** {@code CSUMBPF_AGREED}. */
    private static final int NAT_AGREED = 4;

    final StructLayout layout = new StructLayout("csumbpf_nat");
    private final StructLayout.Field delta = layout.u16("delta");
    private final StructLayout.Field agreed;

    NatLayout() {
        layout.u16("candidate");
        agreed = layout.u8("agreed");
        layout.u8("candidate_seen");
        layout.u8("learned");
        layout.u8("reserved");
    }

    int size() {
        return layout.size();
    }

    void writeAt(ByteBuffer buffer, int base, Peer value) {
        buffer.putShort(base + delta.offset(), Members.networkOrder((short) value.delta()));
        buffer.put(base + agreed.offset(), (byte) (value.trusted() ? NAT_AGREED : 0));
    }

    int delta(ByteBuffer buffer, int base) {
        return Members.sum16(buffer, base, delta);
    }

    boolean trusted(ByteBuffer buffer, int base) {
        return agreed.getU8(buffer, base) == NAT_AGREED;
    }
}
