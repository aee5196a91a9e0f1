// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What a rule does to the checksum: {@code enum csumbpf_mode}, in its order. */
public enum Mode {
    /** Zero if the outer header is IPv4, recompute if it is IPv6. */
    AUTO,
    /** Writes 0, which IPv4 receivers must accept (RFC 7348 section 4.1) and IPv6 receivers accept on request. */
    ZERO,
    /** Writes the RFC 1071 checksum unless it is there already. */
    RECOMPUTE,
    /** Computes and counts, writes nothing. */
    OBSERVE,
    /**
     * Learns what NAT does to a peer's checksums and undoes just that, so that the kernel still verifies them. Until
     * that is learned: recompute.
     */
    ADJUST;

    /** The name that the command takes and prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
