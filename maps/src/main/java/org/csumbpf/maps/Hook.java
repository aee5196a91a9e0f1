// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** Where the program is attached: {@code enum csumbpf_hook}, in its order. */
public enum Hook {
    /** Not attached yet; in options: the best that the kernel has. */
    NONE,
    /** A BPF link on the tcx ingress chain (kernel 6.6 and later). */
    TCX,
    /** A cls_bpf filter with direct-action on the clsact qdisc. */
    CLSACT;

    /** The name that the command prints. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
