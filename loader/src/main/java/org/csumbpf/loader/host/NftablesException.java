// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.AdvisedException;

/** nftables cannot be used here, or rejected commands. The message is one line. */
public final class NftablesException extends AdvisedException {
    NftablesException(String problem, Throwable cause) {
        this(problem, null, cause);
    }

    /** @param next what to do about it; null: nothing is known */
    NftablesException(String problem, String next, Throwable cause) {
        super(problem, next, cause);
    }
}
