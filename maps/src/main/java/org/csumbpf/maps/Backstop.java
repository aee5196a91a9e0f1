// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** Whether attach sets up nftables rules beside the program: {@code enum csumbpf_backstop}, in its order. */
public enum Backstop {
    /** Where nftables works. */
    AUTO,
    /** Or attach fails. */
    ALWAYS,
    NEVER;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
