// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.net.InetAddress;

/**
 * What the program tells of one packet.
 *
 * @param type what it is about
 * @param timeNanos CLOCK_MONOTONIC, nanoseconds
 * @param vni of the packet
 * @param source outer source address
 * @param destination outer destination address
 * @param spi as in {@link Peer}; 0: there is none
 * @param deltaBefore as in {@link Peer}
 * @param delta as in {@link Peer}
 */
public record Event(
        EventType type,
        long timeNanos,
        Vni vni,
        InetAddress source,
        InetAddress destination,
        int spi,
        int deltaBefore,
        int delta) {}
