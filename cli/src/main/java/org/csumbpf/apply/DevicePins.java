// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.backstop.OrphanedNftRules;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.DeviceIdentity;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.pin.Absent;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.Identities;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.Reach;

/** Finds the pins of a device, also after it was moved. For the namespace that the caller has entered. */
final class DevicePins {
    private DevicePins() {}

    static NetDevice device(String ifname) {
        return Rtnetlink.device(ifname).orElseThrow(() -> Absent.noInterface(ifname));
    }

    /** Whether the kernel runs the program on the device, with or without pins. */
    static boolean runs(NetworkNamespace netns, NetDevice device) {
        return LiveHook.find(AttachPoint.receive(new PinDirectory(netns.inode(), device.ifindex())))
                .isPresent();
    }

    /** Whether an attachment left its program or nftables rules there, even if its pins are lost. */
    static boolean hasProgramOrRules(NetworkNamespace netns, NetDevice device) {
        return runs(netns, device)
                || OrphanedNftRules.find(Optional.of(netns))
                        .contains(new PinDirectory(netns.inode(), device.ifindex()));
    }

    /**
     * The pins of a device. If the device was attached in another namespace and then moved here, its pins move too.
     * Pins at their path that belong to another device move to that device.
     */
    static PinDirectory here(NetworkNamespace netns, NetDevice device, Result result) {
        PinDirectory pins = new PinDirectory(netns.inode(), device.ifindex());
        if (pins.exists()) {
            try (Reach reach = Reach.of(pins)) {
                if (reach.state() == Reach.State.HERE) {
                    return pins;
                }
                if (reach.state() == Reach.State.MOVED && reach.device().isPresent()) {
                    repin(pins, reach, result);
                } else {
                    throw new AttachException(
                            AttachException.Kind.UNSUPPORTED_HOST,
                            device.name() + ": " + pins.path()
                                    + " holds the pins of another device, and csumbpf does not find that device",
                            "run 'csumbpf detach --all' where that device is visible, or if it is gone,"
                                    + " 'csumbpf detach --all --forget'");
                }
            }
        }
        List<PinDirectory> others = PinDirectory.all();
        if (others.isEmpty()) {
            return pins; // the usual case: nothing to compare the device with
        }
        DeviceIdentity identity = Identities.of(device);
        for (PinDirectory other : others) {
            if (Reach.record(other)
                    .filter(r -> r.identity().sameDevice(identity))
                    .isPresent()) {
                try (Reach reach = Reach.of(other)) {
                    if (reach.moved().isPresent()) {
                        return repin(other, reach, result);
                    }
                }
            }
        }
        return pins;
    }

    /** Moves an attachment's pins to where its device is now. What attach made in the old namespace is undone there. */
    static PinDirectory repin(PinDirectory pins, Reach reach, Result result) {
        NetworkNamespace to = reach.moved().orElseThrow();
        NetDevice device = reach.device().orElseThrow();
        try (RecordMap record = RecordMap.fromPin(pins.path())) {
            HostSetup host = new HostSetup(pins, record, result);
            reach.netns()
                    .ifPresent(netns -> netns.call(() -> {
                        host.undoBackstop(reach.provenNetns());
                        return null;
                    }));
            for (HostChange change : Set.of(HostChange.NFTABLES, HostChange.LOOPBACK, HostChange.LO_CLSACT)) {
                host.forget(change);
            }
            host.forget(HostChange.CLSACT);
        }
        PinDirectory there = new PinDirectory(to.inode(), device.ifindex());
        return to.call(() -> {
            Repin.move(pins, there, device);
            result.add(Change.Id.DEVICE_FOLLOWED);
            return there;
        });
    }

    /** An attachment in this namespace whose device no longer exists, by the name that the device had. */
    static Optional<PinDirectory> ofGoneDevice(NetworkNamespace netns, String ifname) {
        return PinDirectory.of(netns.inode()).stream()
                .filter(pins -> Rtnetlink.device(pins.ifindex()).isEmpty())
                .filter(pins -> Reach.record(pins)
                        .filter(record -> record.ifname().equals(ifname))
                        .isPresent())
                .findFirst();
    }
}
