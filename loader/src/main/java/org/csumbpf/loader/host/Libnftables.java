// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import com.sun.jna.Pointer;

/**
 * All functions of libnftables.so.1 that this project calls. The library is loaded when it is first needed, because
 * everything else works without it.
 */
final class Libnftables {
    static final int OUTPUT_JSON = 1 << 4;
    /** Numbers for protocols, priorities, symbols and times. */
    static final int OUTPUT_NUMERIC = 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10;

    static final int OUTPUT_TERSE = 1 << 11;

    static {
        Native.register(Libnftables.class, "libnftables.so.1");
    }

    private Libnftables() {}

    static native Pointer nft_ctx_new(int flags);

    static native void nft_ctx_free(Pointer context);

    static native int nft_ctx_buffer_output(Pointer context);

    static native int nft_ctx_buffer_error(Pointer context);

    static native void nft_ctx_output_set_flags(Pointer context, int flags);

    static native String nft_ctx_get_output_buffer(Pointer context);

    static native String nft_ctx_get_error_buffer(Pointer context);

    static native int nft_run_cmd_from_buffer(Pointer context, String commands);
}
