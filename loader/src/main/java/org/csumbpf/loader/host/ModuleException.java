// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** A kernel module cannot be loaded. The message is modprobe's, or says why modprobe has none. */
public final class ModuleException extends RuntimeException {
    ModuleException(String message, Throwable cause) {
        super(message, cause);
    }
}
