// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** libbpf.so.1 is missing or cannot be used; the message names the package to install. */
public final class LibbpfException extends AdvisedException {
    /** @param next what to do about it; null: nothing is known */
    LibbpfException(String problem, String next, Throwable cause) {
        super(problem, next, cause);
    }
}
