// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What became of a packet that a rule matched: {@code enum csumbpf_outcome}, in its order. */
public enum Outcome {
    /** Checksum written. */
    REPAIRED,
    /** Checksum computed and found right: not written. */
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
    FAILED;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
