// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;

/**
 * An entry of the forwarding table of a tunnel device (RTM_NEWNEIGH, AF_BRIDGE), as bridge(8) shows it.
 *
 * @param ifindex of the device
 * @param station the Ethernet address, as {@code 02:00:00:00:00:01}
 * @param destination NDA_DST: where packets for the station are sent
 * @param permanent the entry was configured, and the device learns no other one for this station
 * @param age nanoseconds since the entry last changed, to the hundredth of a second; the device is no younger
 */
public record ForwardingEntry(int ifindex, String station, InetAddress destination, boolean permanent, long age) {}
