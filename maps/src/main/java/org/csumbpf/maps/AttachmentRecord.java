// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.util.EnumSet;
import java.util.Set;

/**
 * What attach did, kept beside the program so that any later command can tell and undo it.
 *
 * @param ifindex of the device
 * @param ifname its name at that time
 * @param hook where the program hangs
 * @param changes what was changed on the host
 * @param backstop whether nftables rules are wanted
 * @param attachedNanos CLOCK_MONOTONIC when attach finished; 0 while it has not
 * @param baseline what had been counted when the rules last changed
 */
public record AttachmentRecord(
        int ifindex,
        String ifname,
        Hook hook,
        Set<HostChange> changes,
        Backstop backstop,
        long attachedNanos,
        Evidence baseline) {
    public AttachmentRecord {
        changes = changes.isEmpty() ? Set.of() : Set.copyOf(changes);
    }

    public AttachmentRecord withHook(Hook value) {
        return new AttachmentRecord(ifindex, ifname, value, changes, backstop, attachedNanos, baseline);
    }

    public AttachmentRecord with(HostChange change) {
        EnumSet<HostChange> more = EnumSet.of(change);
        more.addAll(changes);
        return new AttachmentRecord(ifindex, ifname, hook, more, backstop, attachedNanos, baseline);
    }

    public AttachmentRecord without(HostChange change) {
        EnumSet<HostChange> fewer = EnumSet.noneOf(HostChange.class);
        fewer.addAll(changes);
        fewer.remove(change);
        return new AttachmentRecord(ifindex, ifname, hook, fewer, backstop, attachedNanos, baseline);
    }

    public AttachmentRecord withBackstop(Backstop value) {
        return new AttachmentRecord(ifindex, ifname, hook, changes, value, attachedNanos, baseline);
    }

    public AttachmentRecord finishedAt(long nanos) {
        return new AttachmentRecord(ifindex, ifname, hook, changes, backstop, nanos, baseline);
    }

    public AttachmentRecord withBaseline(Evidence value) {
        return new AttachmentRecord(ifindex, ifname, hook, changes, backstop, attachedNanos, value);
    }

    public boolean finished() {
        return attachedNanos != 0;
    }
}
