// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import org.csumbpf.loader.Errno;

/**
 * nftables of the network namespace in which the calling thread opens it, by libnftables. Speaks the language of nft(8).
 * Opening it changes nothing; the kernel loads its nf_tables modules by itself at the first question.
 *
 * <p>Contexts of libnftables share tables of symbols and of devices that nothing protects: two threads at once corrupt its
 * heap, so one lock guards every call.
 */
public final class Nftables implements AutoCloseable {
    private static final int NETLINK_NETFILTER = 12;

    private static final Object LIBRARY = new Object();

    private Pointer context;

    private Nftables(Pointer context) {
        this.context = context;
    }

    /** NftablesException where the library is missing, or the kernel has no nftables. */
    public static Nftables open() {
        requireKernel();
        Pointer context;
        try {
            synchronized (LIBRARY) {
                context = Libnftables.nft_ctx_new(0);
            }
        } catch (LinkageError e) {
            throw new NftablesException("libnftables.so.1 cannot be loaded", "run 'apt install libnftables1'", e);
        }
        if (context == null) {
            throw new NftablesException("libnftables: no memory for a context", null);
        }
        Nftables nftables = new Nftables(context);
        if (Libnftables.nft_ctx_buffer_output(context) != 0 || Libnftables.nft_ctx_buffer_error(context) != 0) {
            nftables.close();
            throw new NftablesException("libnftables: no memory for its output", null);
        }
        try {
            nftables.listText("tables");
        } catch (NftablesException e) {
            nftables.close();
            throw new NftablesException(
                    "the kernel (" + KernelRelease.current().text() + ") has no nftables: " + e.getMessage(), e);
        }
        return nftables;
    }

    /** libnftables ends the process where there is no such socket. */
    private static void requireKernel() {
        int socket = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, NETLINK_NETFILTER);
        if (socket < 0) {
            throw new NftablesException(
                    "the kernel (" + KernelRelease.current().text() + ") has no nftables: open netfilter socket: "
                            + Errno.describe(Native.getLastError()),
                    null);
        }
        Libc.close(socket);
    }

    /** Runs commands as one transaction: all of them take effect at once, or none. */
    public void run(String commands) {
        run(commands, 0);
    }

    /**
     * What {@code nft -j list} prints (libnftables-json(5)). Not for rules: libnftables ends the process (an assertion) where one
     * names a device that is no UTF-8; nor for tables: 1.0.6 writes what happens to lie in memory for their flags.
     *
     * @param what "set ip TABLE NAME" …
     */
    public String list(String what) {
        return run("list " + what, Libnftables.OUTPUT_JSON);
    }

    /**
     * What {@code nft -n -t list} prints for people: numbers for names where there are, sets without elements. A U+FFFD stands
     * for each byte that is no UTF-8.
     *
     * @param what as of {@link #list}
     */
    public String listText(String what) {
        return run("list " + what, Libnftables.OUTPUT_NUMERIC | Libnftables.OUTPUT_TERSE);
    }

    private String run(String commands, int flags) {
        int result;
        String output;
        String error;
        synchronized (LIBRARY) {
            Libnftables.nft_ctx_output_set_flags(context, flags);
            result = Libnftables.nft_run_cmd_from_buffer(context, commands);
            // Both are emptied by being read.
            output = Libnftables.nft_ctx_get_output_buffer(context);
            error = Libnftables.nft_ctx_get_error_buffer(context);
        }
        if (result != 0) {
            throw new NftablesException("nft " + summary(commands) + ": " + firstLine(error), null);
        }
        return output;
    }

    /** The command, or the first of several. */
    private static String summary(String commands) {
        String first = commands.strip().lines().findFirst().orElse("");
        return first.length() > 80 ? first.substring(0, 77) + "..." : first;
    }

    private static String firstLine(String error) {
        return error.lines()
                .filter(line -> !line.isBlank())
                .findFirst()
                .map(line -> line.replaceFirst("^.*Error: ", ""))
                .orElse("failed without a word");
    }

    @Override
    public void close() {
        if (context != null) {
            synchronized (LIBRARY) {
                Libnftables.nft_ctx_free(context);
            }
            context = null;
        }
    }
}
