// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import org.csumbpf.loader.Errno;

/**
 * Runs commands of nft(8) through libnftables, in the network namespace that the calling thread is in.
 *
 * <p>Contexts of libnftables share tables of symbols and devices without a lock. Two threads at once would corrupt the
 * heap, and up to 0.9.8 each context that ends frees the tables of all. So there is never more than one: each command
 * has a context of its own, under a lock.
 */
public final class Nftables {
    private static final int NETLINK_NETFILTER = 12;

    private static final Object LIBRARY = new Object();

    private Nftables() {}

    /**
     * nftables of the thread's network namespace. This changes nothing, except that the kernel loads its nf_tables
     * modules at the first request. NftablesException if the library is missing, or the kernel has no nftables.
     */
    public static Nftables here() {
        requireKernel();
        Nftables nftables = new Nftables();
        try {
            nftables.listText("tables");
        } catch (LinkageError e) {
            throw new NftablesException("libnftables.so.1 cannot be loaded", "run 'apt install libnftables1'", e);
        } catch (NftablesException e) {
            throw new NftablesException(
                    "the kernel (" + KernelRelease.current().text() + ") has no nftables: " + e.getMessage(), e);
        }
        return nftables;
    }

    /** Checks for netfilter sockets: libnftables ends the process if the kernel has none. */
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
     * What {@code nft -j list} prints (libnftables-json(5)). Not for rules: libnftables ends the process (an assertion)
     * if a rule names a device that is not UTF-8. Not for tables: 1.0.6 writes garbage for their flags.
     *
     * @param what "set ip TABLE NAME" …
     */
    public String list(String what) {
        return run("list " + what, Libnftables.OUTPUT_JSON);
    }

    /**
     * What {@code nft -n -t list} prints: text with numbers instead of symbolic names, and sets without elements. Each
     * byte that is not UTF-8 becomes U+FFFD.
     *
     * @param what as in {@link #list}
     */
    public String listText(String what) {
        return run("list " + what, Libnftables.OUTPUT_NUMERIC | Libnftables.OUTPUT_TERSE);
    }

    /**
     * What {@code nft -n list} prints, with the elements of sets, of which there may be many.
     *
     * @param what as in {@link #list}
     */
    public String listElements(String what) {
        return run("list " + what, Libnftables.OUTPUT_NUMERIC);
    }

    private String run(String commands, int flags) {
        int result;
        String output;
        String error;
        synchronized (LIBRARY) {
            Pointer context = Libnftables.nft_ctx_new(0);
            if (context == null) {
                throw new NftablesException("libnftables: no memory for a context", null);
            }
            try {
                if (Libnftables.nft_ctx_buffer_output(context) != 0 || Libnftables.nft_ctx_buffer_error(context) != 0) {
                    throw new NftablesException("libnftables: no memory for its output", null);
                }
                Libnftables.nft_ctx_output_set_flags(context, flags);
                result = Libnftables.nft_run_cmd_from_buffer(context, commands);
                output = Libnftables.nft_ctx_get_output_buffer(context);
                error = Libnftables.nft_ctx_get_error_buffer(context);
            } finally {
                Libnftables.nft_ctx_free(context);
            }
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
                .orElse("failed without a message");
    }
}
