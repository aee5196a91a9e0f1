// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.csumbpf.loader.host.LockTimeoutException;
import org.csumbpf.maps.HostChange;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.Location;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.pin.Reach;
import org.csumbpf.pin.UnreachableAttachment;

/** Runs an operation on each of some attachments. */
final class EachAttachment {
    private EachAttachment() {}

    /** The operation on one attachment. The lock is held. */
    interface Operation {
        void run(PinDirectory pins, Reach reach, PinTree.Scope scope, Result result);
    }

    /**
     * If one fails, the others run all the same. Only a timeout of the lock ends the loop, because each of the others
     * would wait as long.
     */
    static List<AttachmentResult> run(Collection<PinDirectory> attachments, Operation operation) {
        List<AttachmentResult> all = new ArrayList<>();
        for (PinDirectory pins : attachments) {
            Result result = new Result();
            AtomicReference<String> label =
                    new AtomicReference<>("netns:" + pins.netns() + "/ifindex " + pins.ifindex());
            try {
                PinTree.change(scope -> {
                    try (Reach reach = Reach.of(pins)) {
                        label.set(Location.of(pins, reach).label());
                        operation.run(pins, reach, scope, result);
                        return null;
                    }
                });
                all.add(new AttachmentResult(label.get(), result));
            } catch (RuntimeException e) {
                all.add(new AttachmentResult(label.get(), result, Optional.of(e)));
                if (e instanceof LockTimeoutException) {
                    break;
                }
            }
        }
        return all;
    }

    /**
     * Refuses to undo an attachment that may still be in force in a namespace that was not found.
     *
     * @param forget the user says that what attach changed in that namespace no longer matters
     */
    static void requireNotInForce(PinDirectory pins, Reach reach, boolean forget) {
        if (UnreachableAttachment.stillRuns(pins)) {
            throw notFound(pins, "the program still runs there", "csumbpf --netns PATH detach --all");
        }
        if (!forget && !reach.complete() && changedTheNamespace(pins)) {
            throw new AttachException(
                    AttachException.Kind.UNSUPPORTED_HOST,
                    "network namespace " + pins.netns()
                            + " is not found, but may be held by a process that csumbpf cannot inspect",
                    "run 'csumbpf --netns PATH detach --all' with its path; if it is gone, 'csumbpf detach --all --forget'");
        }
    }

    static AttachException notFound(PinDirectory pins, String why, String command) {
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "network namespace " + pins.netns() + " is not found, but " + why,
                "run '" + command + "' with its path");
    }

    /**
     * Whether the record names changes that work without the program, in a namespace that may still be held somewhere.
     * A clsact qdisc without a filter does nothing. Yes if the record cannot be read.
     */
    private static boolean changedTheNamespace(PinDirectory pins) {
        return Reach.record(pins)
                .map(record -> !Collections.disjoint(record.changes(), Set.of(HostChange.NFTABLES, HostChange.GRO)))
                .orElse(true);
    }
}
