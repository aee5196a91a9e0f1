// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.List;
import java.util.stream.Collectors;

/** Some attachments, or some steps of one, failed. The message names each and why; the cause is that of the first. */
public final class PartialFailureException extends RuntimeException {
    PartialFailureException(String message, RuntimeException first) {
        super(message, first);
    }

    /** Null where none of them failed. */
    public static PartialFailureException of(List<AttachmentResult> all) {
        List<AttachmentResult> failed =
                all.stream().filter(one -> one.failure().isPresent()).toList();
        return failed.isEmpty()
                ? null
                : new PartialFailureException(
                        failed.stream()
                                .map(one -> one.label() + ": "
                                        + one.failure().orElseThrow().getMessage())
                                .collect(Collectors.joining("; ")),
                        failed.get(0).failure().orElseThrow());
    }
}
