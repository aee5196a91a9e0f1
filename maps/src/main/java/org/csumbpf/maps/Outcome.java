// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What became of a packet that a rule matched: {@code enum csumbpf_outcome}, in its order. */
public enum Outcome {
    /** Checksum written. */
    REPAIRED,
    /** Checksum right: not written. In mode adjust it may be known without computing it. */
    GOOD,
    /** Mode observe: checksum computed and wrong, not written. */
    BAD,
    /** Arrived without a checksum: left so. */
    ZERO,
    /** Merged by GRO, which verified the checksum: left alone. */
    GSO,
    /** Not decrypted by IPsec: passed untouched. */
    PLAINTEXT,
    /** Not decrypted by IPsec: dropped, as the rule asks. */
    DROPPED,
    /** Longer than {@code CSUMBPF_CSUM_MAX}: passed untouched. */
    OVERSIZE,
    /** A helper could not read or write the packet: passed untouched. */
    FAILED,
    /** Mode adjust: wrong, and not by what NAT does to this peer. Passed untouched. */
    CORRUPT;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
