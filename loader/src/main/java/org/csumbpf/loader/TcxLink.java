// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A BPF link on a device's tcx ingress chain (kernel 6.6), in the calling thread's network namespace. */
public final class TcxLink implements AutoCloseable {
    private static final int CREATE_OPTS_SIZE = 64;
    private static final int CREATE_FLAGS = 8;
    /** If no other program is named: before all others. */
    private static final int BPF_F_BEFORE = 1 << 3;

    private static final int QUERY_OPTS_SIZE = 40;
    private static final int QUERY_PROG_IDS = 16;
    private static final int QUERY_PROG_CNT = 24;
    private static final int QUERY_MAX = 64;
    private static final int INFO_SIZE = 48;
    private static final int INFO_ID = 4;
    private static final int INFO_PROG_ID = 8;
    /** tcx.ifindex, which older headers lack; the part of the struct that depends on the link's type begins here. */
    private static final int INFO_IFINDEX = 16;

    private final FileDescriptor fd;
    private final String object;

    private TcxLink(FileDescriptor fd, String object) {
        this.fd = fd;
        this.object = object;
    }

    /**
     * Attaches at the head of the chain, so that a program that ends the chain cannot hide packets; the order of the
     * others stays. The link ends with this object, unless it is pinned. EINVAL: kernel before 6.6; ENODEV: no such
     * device.
     */
    public static TcxLink attachFirst(BpfProgram program, int ifindex) {
        Memory opts = Libbpf.options(CREATE_OPTS_SIZE);
        opts.setInt(CREATE_FLAGS, BPF_F_BEFORE);
        String object = "ifindex " + ifindex;
        int fd = Libbpf.bpf_link_create(program.fd(), ifindex, Libbpf.BPF_TCX_INGRESS, opts);
        return new TcxLink(new FileDescriptor(fd, "attach program with tcx to", object), object);
    }

    /** Opens a pinned link. */
    public static TcxLink fromPin(Path pin) {
        String object = pin.toString();
        return new TcxLink(new FileDescriptor(Libbpf.bpf_obj_get(object), "open pinned link", object), object);
    }

    /** Pins the link at a path in a bpffs; the file keeps the program attached. */
    public void pin(Path path) {
        Libbpf.check(Libbpf.bpf_obj_pin(fd.get(), path.toString()), "pin link at", path.toString());
    }

    /** Replaces the running program; each packet meets the old one or the new one. */
    public void update(BpfProgram program) {
        Libbpf.check(Libbpf.bpf_link_update(fd.get(), program.fd(), null), "update link", object);
    }

    /** Detaches the program, even if others hold the link open. No effect if the device is gone. */
    public void detach() {
        int result = Libbpf.bpf_link_detach(fd.get());
        if (result != -Errno.ENOLINK) {
            Libbpf.check(result, "detach link", object);
        }
    }

    public LinkInfo info() {
        try (Memory info = Libbpf.info(fd.get(), INFO_SIZE, "link " + object)) {
            return new LinkInfo(info.getInt(INFO_ID), info.getInt(INFO_PROG_ID), info.getInt(INFO_IFINDEX));
        }
    }

    /** The ids of the programs on a device's tcx ingress chain, in their order. EINVAL: kernel before 6.6. */
    public static List<Integer> query(int ifindex) {
        try (Memory ids = Libbpf.zeroed(QUERY_MAX * Integer.BYTES);
                Memory opts = Libbpf.options(QUERY_OPTS_SIZE)) {
            opts.setPointer(QUERY_PROG_IDS, ids);
            opts.setInt(QUERY_PROG_CNT, QUERY_MAX);
            int result = Libbpf.bpf_prog_query_opts(ifindex, Libbpf.BPF_TCX_INGRESS, opts);
            if (result == -Errno.ENOENT) {
                return List.of();
            }
            Libbpf.check(result, "query tcx programs of", "ifindex " + ifindex);
            List<Integer> chain = new ArrayList<>();
            for (int i = 0; i < opts.getInt(QUERY_PROG_CNT); i++) {
                chain.add(ids.getInt((long) i * Integer.BYTES));
            }
            return chain;
        }
    }

    @Override
    public void close() {
        fd.close();
    }
}
