// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import java.util.Optional;

/**
 * A cls_bpf filter with direct-action on a device's ingress, protocol "all" (kernel 4.5), in the calling thread's
 * network namespace. Works on a clsact qdisc and on the older ingress qdisc alike.
 */
public final class ClsactFilter {
    private static final int INGRESS = 1;
    private static final int EGRESS = 2;
    private static final int REPLACE = 1;
    private static final int HOOK_SIZE = 24;
    private static final int HOOK_IFINDEX = 8;
    private static final int HOOK_ATTACH_POINT = 12;
    private static final int OPTS_SIZE = 32;
    private static final int OPTS_PROG_FD = 8;
    private static final int OPTS_FLAGS = 12;
    private static final int OPTS_PROG_ID = 16;
    private static final int OPTS_HANDLE = 20;
    private static final int OPTS_PRIORITY = 24;

    private ClsactFilter() {}

    /**
     * A filter of ours.
     *
     * @param programId the program that runs
     * @param priority tc's "pref"
     * @param handle within the priority
     */
    public record FilterInfo(int programId, int priority, int handle) {}

    /** Creates the clsact qdisc; false if the device already has one, or an ingress qdisc. */
    public static boolean createQdisc(int ifindex) {
        int result = Libbpf.bpf_tc_hook_create(hook(ifindex, INGRESS));
        if (result == -Errno.EEXIST) {
            return false;
        }
        Libbpf.check(result, "create clsact qdisc on", object(ifindex));
        return true;
    }

    /**
     * Adds a filter, or with {@code replace} swaps the program of the present filter: each packet meets the one program
     * or the other. EEXIST: there is a filter and {@code replace} is false; EINVAL: the priority holds filters of
     * another kind, or there is no qdisc.
     */
    public static void attach(int ifindex, BpfProgram program, int priority, int handle, boolean replace) {
        Memory opts = opts(priority, handle);
        opts.setInt(OPTS_PROG_FD, program.fd());
        opts.setInt(OPTS_FLAGS, replace ? REPLACE : 0);
        Libbpf.check(Libbpf.bpf_tc_attach(hook(ifindex, INGRESS), opts), "attach filter to", object(ifindex));
    }

    /** The cls_bpf filter with that priority and handle; empty also if there is no qdisc or no device. */
    public static Optional<FilterInfo> query(int ifindex, int priority, int handle) {
        Memory opts = opts(priority, handle);
        int result = Libbpf.bpf_tc_query(hook(ifindex, INGRESS), opts);
        if (result == -Errno.ENOENT || result == -Errno.EINVAL || result == -Errno.ENODEV) {
            return Optional.empty();
        }
        Libbpf.check(result, "query filters of", object(ifindex));
        return Optional.of(new FilterInfo(opts.getInt(OPTS_PROG_ID), priority, handle));
    }

    /** Removes the filter with that priority and handle, whoever made it; false if there is none. */
    public static boolean detach(int ifindex, int priority, int handle) {
        int result = Libbpf.bpf_tc_detach(hook(ifindex, INGRESS), opts(priority, handle));
        if (result == -Errno.ENOENT || result == -Errno.EINVAL || result == -Errno.ENODEV) {
            return false;
        }
        Libbpf.check(result, "detach filter from", object(ifindex));
        return true;
    }

    /**
     * Deletes the clsact qdisc with all filters on it, of ingress and egress. The caller has made sure that the qdisc
     * is empty, and that csumbpf made it.
     */
    public static void destroyQdisc(int ifindex) {
        int result = Libbpf.bpf_tc_hook_destroy(hook(ifindex, INGRESS | EGRESS));
        if (result != -Errno.ENOENT && result != -Errno.EINVAL) {
            Libbpf.check(result, "delete clsact qdisc of", object(ifindex));
        }
    }

    private static Memory hook(int ifindex, int attachPoint) {
        Memory hook = Libbpf.options(HOOK_SIZE);
        hook.setInt(HOOK_IFINDEX, ifindex);
        hook.setInt(HOOK_ATTACH_POINT, attachPoint);
        return hook;
    }

    private static Memory opts(int priority, int handle) {
        Memory opts = Libbpf.options(OPTS_SIZE);
        opts.setInt(OPTS_HANDLE, handle);
        opts.setInt(OPTS_PRIORITY, priority);
        return opts;
    }

    private static String object(int ifindex) {
        return "ifindex " + ifindex;
    }
}
