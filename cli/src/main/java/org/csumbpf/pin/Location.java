// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.Optional;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;

/**
 * A device and its network namespace, as reported to the user.
 *
 * @param netns inode of the network namespace
 * @param netnsName its name under /run/netns, if it has one
 * @param ifindex of the device
 * @param ifname its current name; if the device is gone, the name it had
 */
public record Location(long netns, Optional<String> netnsName, int ifindex, String ifname) {
    /** Where the device of an attachment is now, or was. */
    public static Location of(PinDirectory pins, Reach reach) {
        Optional<NetworkNamespace> netns = reach.moved().or(reach::netns);
        return new Location(
                netns.map(NetworkNamespace::inode).orElse(pins.netns()),
                netns.flatMap(NetworkNamespace::name),
                reach.device().map(NetDevice::ifindex).orElse(pins.ifindex()),
                reach.device().map(NetDevice::name).orElseGet(() -> named(pins, Reach.record(pins))));
    }

    /** Where attach found the device, whichever device has its ifindex now. */
    public static Location of(PinDirectory pins, Optional<NetworkNamespace> netns) {
        return new Location(
                pins.netns(),
                netns.flatMap(NetworkNamespace::name),
                pins.ifindex(),
                netns.flatMap(ns -> ns.call(() -> Rtnetlink.device(pins.ifindex())))
                        .map(NetDevice::name)
                        .orElseGet(() -> named(pins, Reach.record(pins))));
    }

    /** By the name that the device had. */
    public static Location of(PinDirectory pins, Optional<String> netnsName, Optional<AttachmentRecord> record) {
        return new Location(pins.netns(), netnsName, pins.ifindex(), named(pins, record));
    }

    private static String named(PinDirectory pins, Optional<AttachmentRecord> record) {
        return record.map(AttachmentRecord::ifname).orElse("ifindex " + pins.ifindex());
    }

    /** The interface, preceded by its namespace if that is not the caller's own: {@code netns/eth0}. */
    public String label() {
        return isCurrent() ? ifname : netnsName.orElse("netns:" + netns) + "/" + ifname;
    }

    /** The network namespace as metrics name it: empty for the caller's own, else its name, else its inode number. */
    public String netnsLabel() {
        return isCurrent() ? "" : netnsName.orElse(Long.toString(netns));
    }

    private boolean isCurrent() {
        try (NetworkNamespace current = NetworkNamespace.current()) {
            return current.inode() == netns;
        }
    }
}
