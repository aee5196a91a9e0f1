// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/**
 * What is counted for the whole device, because no VNI is known or no rule matched: {@code enum csumbpf_total}, in its
 * order.
 */
public enum Total {
    /** UDP that is cut short, fragmented or has a wrong length field, or VXLAN without the I flag. */
    MALFORMED,
    /** VXLAN on the configured port whose VNI has no rule. */
    NO_RULE,
    /** ESP that reached tc before it was decrypted. */
    ESP;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
