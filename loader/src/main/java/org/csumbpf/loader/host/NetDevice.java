// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.util.List;

/**
 * A network device (RTM_NEWLINK).
 *
 * @param ifindex the device's number in its namespace
 * @param name as {@link InterfaceName} writes it
 * @param altnames IFLA_ALT_IFNAME: further names that 'ip link property add' gave it
 * @param arphrd ARPHRD_*: 1 is Ethernet
 * @param kind IFLA_INFO_KIND ("vlan", "veth" …); empty for physical devices
 * @param lowerIfindex IFLA_LINK: a VLAN's parent, a veth's peer; 0: none
 * @param lowerInOtherNetns whether {@code lowerIfindex} is a number of another namespace
 * @param masterIfindex IFLA_MASTER: the bond or bridge that the device belongs to; 0: none
 * @param mtu bytes
 * @param xdp how XDP runs on the device
 */
public record NetDevice(
        int ifindex,
        String name,
        List<String> altnames,
        int arphrd,
        String kind,
        int lowerIfindex,
        boolean lowerInOtherNetns,
        int masterIfindex,
        int mtu,
        XdpMode xdp) {
    /** The ifindex of lo in each network namespace (LOOPBACK_IFINDEX). */
    public static final int LOOPBACK = 1;

    /** Whether this is one of the device's names. */
    public boolean isCalled(String wanted) {
        return InterfaceName.matches(name, wanted)
                || altnames.stream().anyMatch(other -> InterfaceName.matches(other, wanted));
    }
}
