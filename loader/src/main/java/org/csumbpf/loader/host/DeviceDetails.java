// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.util.Map;

/**
 * What a device of some kind says of itself beside what all devices do (RTM_NEWLINK).
 *
 * @param device what all do
 * @param ofKind IFLA_INFO_DATA: values by attribute, each in the byte order that the kind gives it
 * @param received packets that it has taken since it was made (rx_packets)
 */
public record DeviceDetails(NetDevice device, Map<Integer, byte[]> ofKind, long received) {}
