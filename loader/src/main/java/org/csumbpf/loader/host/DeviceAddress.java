// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;

/**
 * An address of this host (RTM_NEWADDR).
 *
 * @param ifindex of the device that has it
 * @param address IPv4 or IPv6
 */
public record DeviceAddress(int ifindex, InetAddress address) {}
