// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import org.csumbpf.pin.Location;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.snapshot.Finding;

/**
 * Removes attachments whose device or namespace is known to be gone: each holds 12 MB of kernel memory, and the kernel
 * may reuse the numbers that name its pins. Every changing command begins with this.
 */
final class Sweep {
    private Sweep() {}

    /** An attachment that cannot be removed is reported and stays. */
    static void run(PinTree.Scope scope, Result result) {
        for (PinDirectory pins : PinDirectory.all()) {
            String label = "netns:" + pins.netns() + "/ifindex " + pins.ifindex();
            try (Reach reach = Reach.of(pins)) {
                if (!reach.isGone()) {
                    continue;
                }
                label = Location.of(pins, reach).label();
                Result removed = Undo.run(pins, reach, scope, new Result());
                result.warn(Finding.note(
                        Finding.Id.CLEARED_AWAY, label, "removed what was left of " + label + ", which is gone"));
                removed.warnings().forEach(result::warn);
            } catch (RuntimeException e) {
                result.leave(label, "what is left of " + label + " stays: " + e.getMessage());
            }
        }
    }
}
