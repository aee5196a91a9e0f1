// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** Whether attach adds nftables rules: {@code enum csumbpf_backstop}, in its order. */
public enum Backstop {
    /** Adds them if nftables works. */
    AUTO,
    /** Adds them, or attach fails. */
    ALWAYS,
    NEVER;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
