// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.EnumSet;
import java.util.Set;

/**
 * What attach did and was asked for, kept beside the program so that any later command can tell, undo and restore it.
 *
 * @param ifindex of the device
 * @param ifname its name at that time
 * @param identity of the device and its network namespace
 * @param hook where the program hangs
 * @param changes what was changed on the host
 * @param options what the user asked for beside the rules
 * @param attachedNanos CLOCK_MONOTONIC when attach finished; 0 while it has not
 * @param baseline what had been counted when the rules last changed
 */
public record AttachmentRecord(
        int ifindex,
        String ifname,
        DeviceIdentity identity,
        Hook hook,
        Set<HostChange> changes,
        AttachOptions options,
        long attachedNanos,
        Evidence baseline) {
    public AttachmentRecord {
        changes = changes.isEmpty() ? Set.of() : Set.copyOf(changes);
    }

    /** Of an attachment that is about to be made. */
    public static AttachmentRecord begun(
            int ifindex, String ifname, DeviceIdentity identity, Set<HostChange> changes, AttachOptions options) {
        return new AttachmentRecord(ifindex, ifname, identity, Hook.NONE, changes, options, 0, Evidence.NONE);
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

    /** Where the device is now. */
    public AttachmentRecord at(int index, String name, DeviceIdentity where) {
        return new AttachmentRecord(index, name, where, hook, changes, options, attachedNanos, baseline);
    }

    public AttachmentRecord finishedAt(long nanos) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, changes, options, nanos, baseline);
    }

    public AttachmentRecord withBaseline(Evidence value) {
        return new AttachmentRecord(ifindex, ifname, identity, hook, changes, options, attachedNanos, value);
    }

    public boolean finished() {
        return attachedNanos != 0;
    }
}
