// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.Optional;

/**
 * Settings of one attachment.
 *
 * @param port the VXLAN port, 1 to 65535
 * @param backstop whether there are nftables rules, for which the program marks what they must leave alone
 * @param link what a packet begins with where the program is attached
 * @param any the rule for VNIs that have none of their own
 */
public record Config(int port, boolean backstop, LinkHeader link, Optional<Rule> any) {
    /** IANA's port for VXLAN (RFC 7348 section 5). */
    public static final int DEFAULT_PORT = 4789;

    public Config {
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("port " + port + " is out of range; 1 to 65535");
        }
    }

    /** For a device whose packets begin with an Ethernet header. */
    public Config(int port, boolean backstop, Optional<Rule> any) {
        this(port, backstop, LinkHeader.ETHERNET, any);
    }
}
