// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.Optional;

/**
 * What became of one attachment that was to be detached.
 *
 * @param label the interface, with the namespace in front where that is not the caller's own
 * @param result what was done, also where it then failed
 * @param failure why it did not end; empty: it is detached
 */
public record Detached(String label, Result result, Optional<RuntimeException> failure) {
    public Detached(String label, Result result) {
        this(label, result, Optional.empty());
    }
}
