// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.csumbpf.loader.host.DeviceDetails;
import org.csumbpf.loader.host.Rtnetlink;

/**
 * A VXLAN device.
 *
 * @param ifindex its number in its namespace
 * @param name its name, as InterfaceName writes it
 * @param id IFLA_VXLAN_ID; 0 if the device takes it from each packet
 * @param port IFLA_VXLAN_PORT: the UDP port it listens on, in host order
 * @param learning IFLA_VXLAN_LEARNING: the device compares a packet's source with the forwarding entry of its sender
 * @param moved its socket is in another network namespace, where the device was made
 * @param checksums IFLA_VXLAN_UDP_CSUM: the device sends UDP checksums over IPv4
 * @param received packets that it has received since it was made
 * @param sent packets that it has sent since it was made
 * @param unsent packets that it was to send and could not
 * @param mtu bytes
 * @param up whether it is set up, without which it has no socket
 */
public record VxlanDevice(
        int ifindex,
        String name,
        long id,
        int port,
        boolean learning,
        boolean moved,
        boolean checksums,
        long received,
        long sent,
        long unsent,
        int mtu,
        boolean up) {
    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_UDP_CSUM = 18;

    /** The VXLAN devices of the network namespace that the caller has entered. */
    public static List<VxlanDevice> here() {
        return Rtnetlink.details("vxlan").stream().map(VxlanDevice::of).toList();
    }

    static VxlanDevice of(DeviceDetails details) {
        return new VxlanDevice(
                details.device().ifindex(),
                details.device().name(),
                Integer.toUnsignedLong(value(details, IFLA_VXLAN_ID, 4, ByteOrder.nativeOrder())
                        .getInt(0)),
                Short.toUnsignedInt(
                        value(details, IFLA_VXLAN_PORT, 2, ByteOrder.BIG_ENDIAN).getShort(0)),
                value(details, IFLA_VXLAN_LEARNING, 1, ByteOrder.nativeOrder()).get(0) != 0,
                details.device().lowerInOtherNetns(),
                value(details, IFLA_VXLAN_UDP_CSUM, 1, ByteOrder.nativeOrder()).get(0) != 0,
                details.received(),
                details.sent(),
                details.unsent(),
                details.device().mtu(),
                details.up());
    }

    /** Zeroes if the attribute is missing. */
    private static ByteBuffer value(DeviceDetails details, int attribute, int size, ByteOrder order) {
        byte[] bytes = details.ofKind().getOrDefault(attribute, new byte[size]);
        return ByteBuffer.wrap(bytes.length < size ? new byte[size] : bytes).order(order);
    }
}
