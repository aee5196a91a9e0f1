// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.util.Map;

/**
 * A network device, with what only its kind of device has (RTM_NEWLINK).
 *
 * @param device what every device has
 * @param ofKind IFLA_INFO_DATA: values by attribute, each in the byte order that the kind defines
 * @param received packets that the device has received since it was made (rx_packets of {@code struct rtnl_link_stats64})
 * @param sent packets that it has sent (tx_packets)
 * @param unsent packets that it was to send and could not (tx_errors, tx_dropped)
 * @param up whether it is set up (IFF_UP); a carrier is another matter
 * @param lowerNetns IFLA_LINK_NETNSID: the number by which its own namespace knows the one where it was made; -1: that
 *     is the same. See {@link NetworkNamespace#idHere}
 */
public record DeviceDetails(
        NetDevice device,
        Map<Integer, byte[]> ofKind,
        long received,
        long sent,
        long unsent,
        boolean up,
        int lowerNetns) {}
