// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.ArrayList;
import java.util.List;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.text.ShellWord;
import org.csumbpf.text.Similar;

/** The error if there is no attachment, or not even an interface of that name. */
public final class Absent {
    private Absent() {}

    /** Why nothing has this name: the namespace has no such interface, or the interface has no attachment. */
    public static AttachException attachment(NetworkNamespace netns, String ifname) {
        return netns.call(() -> Rtnetlink.device(ifname).isPresent() ? notAttached(ifname) : noInterface(ifname));
    }

    /** The interface exists, but has no attachment. */
    public static AttachException notAttached(String ifname) {
        return new AttachException(
                AttachException.Kind.NOT_ATTACHED, "csumbpf is not attached to " + ifname, "see 'csumbpf status'");
    }

    /** For the network namespace of the calling thread. */
    public static AttachException noInterface(String ifname) {
        List<String> names = new ArrayList<>();
        for (NetDevice device : Rtnetlink.devices()) {
            names.add(device.name());
        }
        return new AttachException(
                AttachException.Kind.NO_SUCH_INTERFACE,
                "no interface " + ifname + " in this network namespace (ENODEV)",
                Similar.didYouMean(ifname, names) + "see '" + list() + "'");
    }

    private static String list() {
        try (NetworkNamespace netns = NetworkNamespace.ofThread()) {
            if (netns.isCurrent()) {
                return "ip link";
            }
            return netns.name()
                    .map(name -> "ip -n " + ShellWord.quote(name) + " link")
                    .orElse("ip link");
        }
    }
}
