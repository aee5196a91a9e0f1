// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** A kernel module cannot be loaded; the message is modprobe's. */
public final class ModuleException extends RuntimeException {
    ModuleException(String message, Throwable cause) {
        super(message, cause);
    }
}
