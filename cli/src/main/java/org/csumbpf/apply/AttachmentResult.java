// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.Optional;

/**
 * The result of detaching or restoring one attachment.
 *
 * @param label the interface, preceded by its namespace if that is not the caller's own
 * @param result what was done, also if something failed later
 * @param failure why the operation did not finish; empty: it finished
 */
public record AttachmentResult(String label, Result result, Optional<RuntimeException> failure) {
    public AttachmentResult(String label, Result result) {
        this(label, result, Optional.empty());
    }
}
