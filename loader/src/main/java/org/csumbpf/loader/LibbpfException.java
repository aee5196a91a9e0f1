// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** libbpf.so.1 is missing or cannot be used; the message names the package to install. */
public final class LibbpfException extends RuntimeException {
    LibbpfException(String message, Throwable cause) {
        super(message, cause);
    }
}
