// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;

/**
 * A sender, for one VNI and one destination.
 *
 * @param vni as in the packet
 * @param source outer source address
 * @param destination outer destination address: one of this host's
 */
public record PeerKey(Vni vni, InetAddress source, InetAddress destination) {}
