// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** Somebody else holds the lock and does not let go. */
public final class LockTimeoutException extends RuntimeException {
    LockTimeoutException(String message) {
        super(message);
    }
}
