// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.Locale;

/** What became of a packet that came after tc. */
public enum BackstopOutcome {
    /** Checksum written. */
    REPAIRED,
    /** Checksum computed and right: not written. */
    GOOD,
    /** Mode observe: only counted, because nftables cannot compute a checksum. */
    UNJUDGED,
    /** Not decrypted by IPsec: dropped, as the rule asks. */
    DROPPED,
    /** Could not be read, written or computed: passed untouched. */
    FAILED;

    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
