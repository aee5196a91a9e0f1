// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What became of a packet that a rule matched: {@code enum csumbpf_outcome}, in its order. */
public enum Outcome {
    /** Checksum written. */
    REPAIRED,
    /** Checksum right: not written. Computed, but in mode adjust only where verified. */
    GOOD,
    /** Checksum computed and found wrong in mode observe: not written. */
    BAD,
    /** Arrived without a checksum: left so. */
    ZERO,
    /** Merged by GRO, which verified the checksum: left alone. */
    GSO,
    /** Not decrypted by IPsec: passed untouched. */
    PLAINTEXT,
    /** Not decrypted by IPsec: dropped, as the rule asks. */
    DROPPED,
    /** Too long to compute: passed untouched. */
    OVERSIZE,
    /** A helper refused to read or write the packet: passed untouched. */
    FAILED,
    /** Wrong by something else than what NAT does to this peer, in mode adjust: passed untouched. */
    CORRUPT;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
