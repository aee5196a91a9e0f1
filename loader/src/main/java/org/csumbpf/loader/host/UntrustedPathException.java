// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.AdvisedException;

/** Somebody else could have made, or could change, what is at a path. */
public final class UntrustedPathException extends AdvisedException {
    UntrustedPathException(String problem) {
        this(problem, null);
    }

    /** @param next what to do about it; null: nothing is known */
    UntrustedPathException(String problem, String next) {
        super(problem, next, null);
    }
}
