// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.util.function.IntSupplier;

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

    /**
     * Runs work with stderr(3) of the C library led to nowhere. libnftables prints there, besides the context's buffer, a
     * line for each rule of iptables whose extension is not installed ("XT match addrtype not found"), as in a container.
     * The JVM and Java write to the descriptor itself, so nothing of theirs is lost.
     */
    static int quietly(IntSupplier work) {
        if (Nowhere.STDERR == null || Nowhere.FILE == null) {
            return work.getAsInt();
        }
        Pointer before = Nowhere.STDERR.getPointer(0);
        Nowhere.STDERR.setPointer(0, Nowhere.FILE);
        try {
            return work.getAsInt();
        } finally {
            Nowhere.STDERR.setPointer(0, before);
        }
    }

    private static final class Nowhere {
        /** The variable; null: the C library has none that can be changed. glibc has. */
        static final Pointer STDERR = stderr();
        /** A FILE; null: it cannot be opened. */
        static final Pointer FILE = Libc.fopen("/dev/null", "we");

        private static Pointer stderr() {
            try {
                return NativeLibrary.getProcess().getGlobalVariableAddress("stderr");
            } catch (UnsatisfiedLinkError e) {
                return null;
            }
        }
    }

    static native Pointer nft_ctx_new(int flags);

    static native void nft_ctx_free(Pointer context);

    static native int nft_ctx_buffer_output(Pointer context);

    static native int nft_ctx_buffer_error(Pointer context);

    static native void nft_ctx_output_set_flags(Pointer context, int flags);

    static native String nft_ctx_get_output_buffer(Pointer context);

    static native String nft_ctx_get_error_buffer(Pointer context);

    static native int nft_run_cmd_from_buffer(Pointer context, String commands);
}
