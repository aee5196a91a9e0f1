// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** There is no such network namespace. */
public final class NoSuchNamespaceException extends RuntimeException {
    NoSuchNamespaceException(String message) {
        super(message);
    }
}
