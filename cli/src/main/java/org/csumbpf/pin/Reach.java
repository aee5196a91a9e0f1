// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.DeviceNode;
import org.csumbpf.loader.host.NamespaceSearch;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.DeviceIdentity;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.RecordMap;

/**
 * Where the device of an attachment is, and what of it can be reached. The pins are named by an inode and an ifindex, which the
 * kernel gives out again at once; so this compares who is there with who was ({@link DeviceIdentity}).
 *
 * @param state what is known
 * @param netns the namespace it was attached in, open, if that is still there and was found
 * @param provenNetns whether {@code netns} is known to be that one, and not only to have its inode
 * @param device at its old place, or where it was moved to
 * @param moved the namespace that it was moved to, open, if that was found
 * @param complete nothing kept the search for the namespace from a place
 */
public record Reach(
        State state,
        Optional<NetworkNamespace> netns,
        boolean provenNetns,
        Optional<NetDevice> device,
        Optional<NetworkNamespace> moved,
        boolean complete)
        implements AutoCloseable {
    public enum State {
        /** The device is where it was; as far as can be told, if there is no proof. */
        HERE,
        /** The device is in another namespace, or has another ifindex; {@code moved} is empty where it was not found. */
        MOVED,
        DEVICE_GONE,
        NETNS_GONE,
        /** The namespace may be held where nobody can look. */
        NETNS_NOT_FOUND
    }

    public static Reach of(PinDirectory pins) {
        return of(pins, record(pins));
    }

    public static Reach of(PinDirectory pins, Optional<AttachmentRecord> record) {
        DeviceIdentity was = record.map(AttachmentRecord::identity).orElse(DeviceIdentity.UNKNOWN);
        NamespaceSearch.Answer answer = NamespaceSearch.find(pins.netns());
        Optional<NetworkNamespace> netns = answer.namespace();
        if (netns.isEmpty()) {
            return elsewhere(was)
                    .orElseGet(() -> without(
                            Remains.namespaceGone(pins, answer) ? State.NETNS_GONE : State.NETNS_NOT_FOUND,
                            answer.complete()));
        }
        try {
            boolean unfinished =
                    record.filter(r -> r.changes().contains(HostChange.GRO)).isPresent();
            return in(pins, was, unfinished, netns.get(), answer.complete());
        } catch (RuntimeException e) {
            netns.get().close();
            throw e;
        }
    }

    /** @param unfinished there is something to undo on the device, wherever it is */
    private static Reach in(
            PinDirectory pins, DeviceIdentity was, boolean unfinished, NetworkNamespace netns, boolean complete) {
        Optional<NetDevice> device = netns.call(() -> Rtnetlink.device(pins.ifindex()));
        DeviceIdentity is = device.map(d -> netns.call(() -> Identities.of(d))).orElseGet(() -> Identities.of(netns));
        boolean same = device.isPresent() && was.sameDevice(is);
        boolean otherNetns = was.otherNamespace(is) && !same;
        if (device.isPresent() && !otherNetns && !was.otherDevice(is)) {
            return new Reach(
                    State.HERE, Optional.of(netns), same || was.sameNamespace(is), device, Optional.empty(), complete);
        }
        Optional<Boolean> hangs = hangs(pins);
        boolean gone = hangs.isPresent() && !hangs.get();
        Optional<Reach> moved = gone ? Optional.empty() : elsewhere(was);
        boolean hanging = moved.isPresent() || hangs.orElse(false);
        if (otherNetns) {
            // Two namespaces never have one inode at the same time: the one that was attached in is gone.
            netns.close();
            return moved.orElseGet(() -> without(hanging ? State.MOVED : State.NETNS_GONE, complete));
        }
        // It may be where nobody can look. A filter it has lost then.
        boolean lives = hanging || hangs.isEmpty() && was.deviceId() != 0 && unfinished && !complete;
        return new Reach(
                lives ? State.MOVED : State.DEVICE_GONE,
                Optional.of(netns),
                was.sameNamespace(is),
                moved.flatMap(Reach::device),
                moved.flatMap(Reach::moved),
                complete);
    }

    /** Where the device is now; empty: not found. */
    private static Optional<Reach> elsewhere(DeviceIdentity was) {
        if (was.deviceId() == 0) {
            return Optional.empty();
        }
        NamespaceSearch.Answer answer = NamespaceSearch.first(
                netns -> netns.call(() -> DeviceNode.find(was.deviceId())).isPresent());
        if (answer.namespace().isEmpty()) {
            return Optional.empty();
        }
        NetworkNamespace netns = answer.namespace().get();
        Optional<NetDevice> device = netns.call(() -> DeviceNode.find(was.deviceId()));
        if (device.isEmpty()) {
            netns.close();
            return Optional.empty();
        }
        return Optional.of(new Reach(State.MOVED, Optional.empty(), false, device, Optional.of(netns), true));
    }

    /** Whether the kernel runs the program on a device by the link that is pinned; empty: no link. */
    private static Optional<Boolean> hangs(PinDirectory pins) {
        try (TcxLink link = TcxLink.fromPin(pins.pin(PinDirectory.LINK))) {
            return Optional.of(link.info().ifindex() != 0);
        } catch (KernelException e) {
            return PinDirectory.absent(e);
        }
    }

    private static Reach without(State state, boolean complete) {
        return new Reach(state, Optional.empty(), false, Optional.empty(), Optional.empty(), complete);
    }

    /** Whether nothing of it can be in force any more, so that what is left may be cleared away. */
    public boolean isGone() {
        return state == State.DEVICE_GONE || state == State.NETNS_GONE;
    }

    /**
     * Whether the device at the old place is known to be the one that was attached to: by its number, or because our program hangs
     * there with this attachment's own record.
     */
    public static boolean provenDevice(PinDirectory pins, AttachmentRecord record, NetDevice device) {
        DeviceIdentity is = Identities.of(device);
        if (record.identity().sameDevice(is)) {
            return true;
        }
        return !record.identity().otherDevice(is)
                && !record.identity().otherNamespace(is)
                && LiveHook.find(HookPlace.receive(pins))
                        .filter(live -> holdsRecord(live, pins))
                        .isPresent();
    }

    private static boolean holdsRecord(LiveHook live, PinDirectory pins) {
        try (BpfProgram program = live.program();
                RecordMap record = RecordMap.fromPin(pins.path())) {
            return program.info().mapIds().contains(record.id());
        } catch (KernelException | OtherVersionException e) {
            return false;
        }
    }

    /** The record, where it can be read. */
    public static Optional<AttachmentRecord> record(PinDirectory pins) {
        try (RecordMap record = RecordMap.fromPin(pins.path())) {
            return Optional.of(record.get());
        } catch (OtherVersionException e) {
            return Optional.empty();
        } catch (KernelException e) {
            return PinDirectory.absent(e);
        }
    }

    @Override
    public void close() {
        netns.ifPresent(NetworkNamespace::close);
        moved.ifPresent(NetworkNamespace::close);
    }
}
