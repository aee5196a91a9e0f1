// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

/** nftables cannot be used here, or refused commands; the message is one line. */
public final class NftablesException extends RuntimeException {
    NftablesException(String message, Throwable cause) {
        super(message, cause);
    }
}
