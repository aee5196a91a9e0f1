// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** libbpf.so.1 is missing or cannot be used, or csumbpf does not know the architecture. */
public final class LibbpfException extends AdvisedException {
    /** @param next what to do about it; null: nothing is known */
    LibbpfException(String problem, String next, Throwable cause) {
        super(problem, next, cause);
    }
}
