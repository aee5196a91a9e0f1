// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.Optional;

/**
 * What became of one attachment that was to be detached or restored.
 *
 * @param label the interface, with the namespace in front where that is not the caller's own
 * @param result what was done, also where something then failed
 * @param failure why it did not end; empty: it did
 */
public record AttachmentResult(String label, Result result, Optional<RuntimeException> failure) {
    public AttachmentResult(String label, Result result) {
        this(label, result, Optional.empty());
    }
}
