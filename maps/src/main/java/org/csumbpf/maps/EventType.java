// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What the program tells of beside its counts: {@code enum csumbpf_event_type}, in its order. */
public enum EventType {
    /** A peer's first wrong checksum. */
    BAD_CHECKSUM,
    /** What NAT does to a peer's checksums is another thing than before. */
    MAPPING_CHANGED,
    /** A packet with a VNI that has a rule, which IPsec did not decrypt. */
    PLAINTEXT;

    /** The name that logs and metrics have. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
