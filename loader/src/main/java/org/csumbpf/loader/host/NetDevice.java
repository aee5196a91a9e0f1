// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/**
 * A network device (RTM_NEWLINK).
 *
 * @param ifindex its number in its namespace
 * @param name its name, as {@link InterfaceName} writes it
 * @param arphrd ARPHRD_*: 1 is Ethernet
 * @param kind IFLA_INFO_KIND ("vlan", "veth" …); empty for physical devices
 * @param lowerIfindex IFLA_LINK: a VLAN's parent, a veth's peer; 0: none
 * @param lowerInOtherNetns whether {@code lowerIfindex} counts in another namespace
 * @param masterIfindex IFLA_MASTER: the bond or bridge it belongs to; 0: none
 * @param mtu bytes
 * @param xdp whether XDP runs on it
 */
public record NetDevice(
        int ifindex,
        String name,
        int arphrd,
        String kind,
        int lowerIfindex,
        boolean lowerInOtherNetns,
        int masterIfindex,
        int mtu,
        XdpMode xdp) {}
