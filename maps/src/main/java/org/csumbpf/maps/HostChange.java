// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Locale;

/** What attach changed on the host besides the hook: {@code enum csumbpf_host_change}, in the order of its bits. */
public enum HostChange {
    CLSACT("created the clsact qdisc"),
    GRO("switched GRO on"),
    ESP4_OFFLOAD("loaded module esp4_offload"),
    ESP6_OFFLOAD("loaded module esp6_offload"),
    BPFFS("mounted bpffs"),
    NFTABLES("added chains to the nftables tables csumbpf"),
    LOOPBACK("added csumbpf_detour to lo"),
    LO_CLSACT("created the clsact qdisc of lo");

    private final String text;

    HostChange(String text) {
        this.text = text;
    }

    /** The name that the command prints. The labels are stable. */
    public String label() {
        return this == LOOPBACK ? "detour" : name().toLowerCase(Locale.ROOT);
    }

    /** In words, for a person. */
    public String text() {
        return text;
    }
}
