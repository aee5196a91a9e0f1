// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** Somebody else could have made, or could change, what stands at a path. */
public final class UntrustedPathException extends RuntimeException {
    UntrustedPathException(String message) {
        super(message);
    }
}
