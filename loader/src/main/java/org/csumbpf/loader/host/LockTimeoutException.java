// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.AdvisedException;

/** Somebody else held the lock until the timeout. */
public final class LockTimeoutException extends AdvisedException {
    /** @param next what to do about it; null: nothing is known */
    LockTimeoutException(String problem, String next) {
        super(problem, next, null);
    }
}
