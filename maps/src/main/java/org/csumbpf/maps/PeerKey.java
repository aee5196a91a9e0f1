// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;

/**
 * A sender of one VNI.
 *
 * @param vni as in the packet
 * @param source outer source address
 */
public record PeerKey(Vni vni, InetAddress source) {}
