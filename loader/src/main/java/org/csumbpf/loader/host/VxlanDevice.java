// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A VXLAN device (RTM_NEWLINK of kind "vxlan").
 *
 * @param ifindex its number in its namespace
 * @param name its name, as {@link InterfaceName} writes it
 * @param id IFLA_VXLAN_ID; 0 where the device takes it from each packet
 * @param port IFLA_VXLAN_PORT: the UDP port it listens on, in host order
 * @param learning IFLA_VXLAN_LEARNING: it compares a packet's source with the forwarding entry of its sender
 * @param moved its socket is in another network namespace, where it was made
 * @param received packets that it has taken since it was made (rx_packets)
 */
public record VxlanDevice(
        int ifindex, String name, long id, int port, boolean learning, boolean moved, long received) {}
