// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.EnumSet;
import java.util.Set;

/**
 * What attach did and what was asked for. A map of the program holds this record, so that any later command can show,
 * undo and restore it.
 *
 * @param ifindex of the device
 * @param ifname the device's name when it was attached
 * @param identity of the device and its network namespace
 * @param hook where the program is attached
 * @param changes what was changed on the host
 * @param options what the user asked for besides the rules
 * @param attachedNanos CLOCK_MONOTONIC when attach finished, nanoseconds; 0: it did not finish
 * @param baseline the counts when the rules last changed
 */
public record AttachmentRecord(
        int ifindex,
        String ifname,
        DeviceIdentity identity,
        Hook hook,
        Set<HostChange> changes,
        AttachOptions options,
        long attachedNanos,
        DropBaseline baseline) {
    public AttachmentRecord {
        changes = changes.isEmpty() ? Set.of() : Set.copyOf(changes);
    }

    /** The record of an attachment that is about to be made. */
    public static AttachmentRecord begun(
            int ifindex, String ifname, DeviceIdentity identity, Set<HostChange> changes, AttachOptions options) {
        return new AttachmentRecord(ifindex, ifname, identity, Hook.NONE, changes, options, 0, DropBaseline.NONE);
    }

    public AttachmentRecord withHook(Hook value) {
        return new AttachmentRecord(ifindex, ifname, identity, value, changes, options, attachedNanos, baseline);
    }

    public AttachmentRecord with(HostChange change) {
        EnumSet<HostChange> more = EnumSet.of(change);
        more.addAll(changes);
        return withChanges(more);
    }

    public AttachmentRecord without(HostChange change) {
        EnumSet<HostChange> fewer = EnumSet.noneOf(HostChange.class);
        fewer.addAll(changes);
        fewer.remove(change);
        return withChanges(fewer);
    }

    private AttachmentRecord withChanges(Set<HostChange> value) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, value, options, attachedNanos, baseline);
    }

    public AttachmentRecord withOptions(AttachOptions value) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, changes, value, attachedNanos, baseline);
    }

    /** The same attachment, on the device as it is now. */
    public AttachmentRecord at(int index, String name, DeviceIdentity where) {
        return new AttachmentRecord(index, name, where, hook, changes, options, attachedNanos, baseline);
    }

    public AttachmentRecord finishedAt(long nanos) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, changes, options, nanos, baseline);
    }

    public AttachmentRecord withBaseline(DropBaseline value) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, changes, options, attachedNanos, value);
    }

    public boolean finished() {
        return attachedNanos != 0;
    }
}
