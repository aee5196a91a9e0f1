// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What the program reports besides its counts: {@code enum csumbpf_event_type}, in its order. */
public enum EventType {
    /** A peer's first wrong checksum. */
    BAD_CHECKSUM,
    /** A peer's delta changed: another host or another NAT is behind its address. */
    MAPPING_CHANGED,
    /** A packet that IPsec did not decrypt, of a VNI with a rule. */
    PLAINTEXT;

    /** The name that logs and metrics have. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
