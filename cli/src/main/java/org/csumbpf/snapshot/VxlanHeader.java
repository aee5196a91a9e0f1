// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.nio.ByteBuffer;
import java.util.OptionalInt;

/** The header of VXLAN (RFC 7348 section 5), with which the UDP payload begins. */
public final class VxlanHeader {
    private static final int SIZE = 8;
    private static final int VNI = 4;
    /** The flag I of the first byte: there is a VNI. */
    private static final int HAS_VNI = 0x08;

    private VxlanHeader() {}

    /**
     * The VNI, as PacketSampler's label.
     *
     * @param payload in network byte order
     * @return empty: it is too short, or the flag I is not set
     */
    public static OptionalInt vni(ByteBuffer payload) {
        return payload.limit() >= SIZE && (payload.get(0) & HAS_VNI) != 0
                ? OptionalInt.of(payload.getInt(VNI) >>> 8)
                : OptionalInt.empty();
    }
}
