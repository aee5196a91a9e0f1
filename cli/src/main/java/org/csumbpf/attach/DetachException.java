// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.List;
import java.util.stream.Collectors;

/** Some attachments could not be detached. The message names each and why; the cause is that of the first. */
public final class DetachException extends RuntimeException {
    private DetachException(List<Detached> failed) {
        super(
                failed.stream()
                        .map(one ->
                                one.label() + ": " + one.failure().orElseThrow().getMessage())
                        .collect(Collectors.joining("; ")),
                failed.get(0).failure().orElseThrow());
    }

    /** Null where none of them failed. */
    public static DetachException of(List<Detached> all) {
        List<Detached> failed =
                all.stream().filter(one -> one.failure().isPresent()).toList();
        return failed.isEmpty() ? null : new DetachException(failed);
    }
}
