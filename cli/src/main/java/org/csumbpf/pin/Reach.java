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
 * Where the device of an attachment is, and what of it can be reached. Pins are named by inode and ifindex, which the
 * kernel may reuse at once. The device found there is compared with the recorded one ({@link DeviceIdentity}).
 *
 * @param state what is known
 * @param netns the namespace of the attach, open, if it still exists and was found
 * @param provenNetns whether {@code netns} is known to be that namespace, and does not only have its inode
 * @param device at its old location, or where it was moved to
 * @param moved the namespace that the device was moved to, open, if it was found
 * @param complete the search for the namespace could see everything
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
        /** The device is where it was; if there is no proof, as far as can be seen. */
        HERE,
        /** The device is in another namespace or has another ifindex; {@code moved} is empty if it was not found. */
        MOVED,
        DEVICE_GONE,
        NETNS_GONE,
        /** The namespace may be held where csumbpf cannot search. */
        NETNS_NOT_FOUND
    }

    public static Reach of(PinDirectory pins) {
        return of(pins, record(pins));
    }

    public static Reach of(PinDirectory pins, Optional<AttachmentRecord> record) {
        DeviceIdentity was = record.map(AttachmentRecord::identity).orElse(DeviceIdentity.UNKNOWN);
        NamespaceSearch.SearchResult search = NamespaceSearch.find(pins.netns());
        Optional<NetworkNamespace> netns = search.namespace();
        if (netns.isEmpty()) {
            Elsewhere elsewhere = elsewhere(was);
            return elsewhere
                    .reach()
                    .orElseGet(() -> without(
                            !elsewhere.untested() && UnreachableAttachment.namespaceGone(pins, search)
                                    ? State.NETNS_GONE
                                    : State.NETNS_NOT_FOUND,
                            search.complete()));
        }
        try {
            boolean unfinished =
                    record.filter(r -> r.changes().contains(HostChange.GRO)).isPresent();
            return in(pins, was, unfinished, netns.get(), search.complete());
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
        Optional<Boolean> attached = attached(pins);
        boolean gone = attached.isPresent() && !attached.get();
        Elsewhere elsewhere = gone ? Elsewhere.NOWHERE : elsewhere(was);
        Optional<Reach> moved = elsewhere.reach();
        boolean runs = moved.isPresent() || attached.orElse(false);
        if (otherNetns) {
            // Two namespaces never have one inode at the same time: the namespace of the attach is gone.
            netns.close();
            boolean mayLive = runs || elsewhere.untested();
            return moved.orElseGet(() -> without(mayLive ? State.MOVED : State.NETNS_GONE, complete));
        }
        // The device may be where csumbpf cannot search. A filter is lost by a move, but GRO stays to be undone. A
        // namespace that was found and could not be entered may have the device, with all that is recorded for it.
        boolean lives =
                runs || attached.isEmpty() && was.deviceId() != 0 && (unfinished && !complete || elsewhere.untested());
        return new Reach(
                lives ? State.MOVED : State.DEVICE_GONE,
                Optional.of(netns),
                was.sameNamespace(is),
                moved.flatMap(Reach::device),
                moved.flatMap(Reach::moved),
                complete);
    }

    /**
     * Where the device is now.
     *
     * @param reach empty: not found
     * @param untested a network namespace could not be entered, so the device may be there
     */
    private record Elsewhere(Optional<Reach> reach, boolean untested) {
        static final Elsewhere NOWHERE = new Elsewhere(Optional.empty(), false);
    }

    private static Elsewhere elsewhere(DeviceIdentity was) {
        if (was.deviceId() == 0) {
            return Elsewhere.NOWHERE;
        }
        NamespaceSearch.SearchResult search = NamespaceSearch.first(
                netns -> netns.call(() -> DeviceNode.find(was.deviceId())).isPresent());
        if (search.namespace().isEmpty()) {
            return new Elsewhere(Optional.empty(), search.untested());
        }
        NetworkNamespace netns = search.namespace().get();
        Optional<NetDevice> device = netns.call(() -> DeviceNode.find(was.deviceId()));
        if (device.isEmpty()) {
            netns.close();
            return new Elsewhere(Optional.empty(), true); // moved on meanwhile
        }
        return new Elsewhere(
                Optional.of(new Reach(State.MOVED, Optional.empty(), false, device, Optional.of(netns), true)), false);
    }

    /** Whether the pinned link still attaches the program to a device; empty: no link. */
    private static Optional<Boolean> attached(PinDirectory pins) {
        try (TcxLink link = TcxLink.fromPin(pins.pin(PinDirectory.LINK))) {
            return Optional.of(link.info().ifindex() != 0);
        } catch (KernelException e) {
            return PinDirectory.absent(e);
        }
    }

    private static Reach without(State state, boolean complete) {
        return new Reach(state, Optional.empty(), false, Optional.empty(), Optional.empty(), complete);
    }

    /** Whether nothing of the attachment can be in force any more, so that its remains may be removed. */
    public boolean isGone() {
        return state == State.DEVICE_GONE || state == State.NETNS_GONE;
    }

    /**
     * Whether the device at the old location is known to be the attachment's: by its number, or because our program runs
     * on it with this attachment's own record.
     */
    public static boolean provenDevice(PinDirectory pins, AttachmentRecord record, NetDevice device) {
        DeviceIdentity is = Identities.of(device);
        if (record.identity().sameDevice(is)) {
            return true;
        }
        return !record.identity().otherDevice(is)
                && !record.identity().otherNamespace(is)
                && LiveHook.find(AttachPoint.receive(pins))
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

    /** The record, if it can be read. */
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
