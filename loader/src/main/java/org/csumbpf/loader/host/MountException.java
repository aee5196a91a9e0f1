// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.AdvisedException;

/** A bpffs cannot be mounted, or unmounted, where the host sees it. */
public final class MountException extends AdvisedException {
    MountException(String problem, String next, Throwable cause) {
        super(problem, next, cause);
    }
}
