// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import org.csumbpf.loader.host.DeviceNode;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.DeviceIdentity;

/** Reads the identity of a device. */
public final class Identities {
    private Identities() {}

    /** Of a device in the network namespace that the caller has entered. */
    public static DeviceIdentity of(NetDevice device) {
        return new DeviceIdentity(
                NetworkNamespace.cookieOfThread().orElse(0),
                DeviceNode.of(device.name()).orElse(0));
    }

    /** Of a network namespace alone. */
    public static DeviceIdentity of(NetworkNamespace netns) {
        return new DeviceIdentity(netns.cookie().orElse(0), 0);
    }
}
