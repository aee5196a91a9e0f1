// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.util.List;

/**
 * An overlay network of Docker, as this node knows it. Names are hostile input: any user of the Swarm chooses them.
 *
 * @param name of the network
 * @param vnis its VXLAN Network Identifiers, one for each subnet; 0 to 16,777,215
 * @param encrypted whether it was made with {@code --opt encrypted}
 */
public record OverlayNetwork(String name, List<Integer> vnis, boolean encrypted) {
    public OverlayNetwork {
        vnis = List.copyOf(vnis);
    }
}
