// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A loaded program. */
public final class BpfProgram implements AutoCloseable {
    private static final int INFO_SIZE = 232;
    private static final int INFO_ID = 4;
    private static final int INFO_TAG = 8;
    private static final int INFO_LOAD_TIME = 40;
    private static final int INFO_NR_MAP_IDS = 52;
    private static final int INFO_MAP_IDS = 56;
    private static final int INFO_NAME = 64;
    private static final int INFO_RUN_TIME = 192;
    private static final int INFO_RUN_COUNT = 200;
    /** MAX_USED_MAPS: no program can hold more maps. */
    private static final int MAPS_MAX = 64;

    private static final int RUN_OPTS_SIZE = 80;
    private static final int RUN_DATA_IN = 8;
    private static final int RUN_DATA_OUT = 16;
    private static final int RUN_DATA_SIZE_IN = 24;
    private static final int RUN_DATA_SIZE_OUT = 28;
    private static final int RUN_CTX_IN = 32;
    private static final int RUN_CTX_OUT = 40;
    private static final int RUN_CTX_SIZE_IN = 48;
    private static final int RUN_CTX_SIZE_OUT = 52;
    private static final int RUN_RETVAL = 56;
    private static final int RUN_REPEAT = 60;
    private static final int RUN_DURATION = 64;

    private static final int SK_BUFF_SIZE = 192;
    private static final int SK_BUFF_PRIORITY = 32;
    private static final int SK_BUFF_GSO_SEGS = 164;
    private static final int SK_BUFF_GSO_SIZE = 176;

    private final FileDescriptor fd;
    private final String object;

    BpfProgram(FileDescriptor fd, String object) {
        this.fd = fd;
        this.object = object;
    }

    /** Whether the kernel measures the run time of programs (sysctl kernel.bpf_stats_enabled, 5.1). */
    public static boolean statsEnabled() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/bpf_stats_enabled"))
                    .strip()
                    .equals("1");
        } catch (IOException e) {
            return false; // a kernel that cannot measure
        }
    }

    /** Opens a pinned program. */
    public static BpfProgram fromPin(Path pin) {
        String object = pin.toString();
        return new BpfProgram(new FileDescriptor(Libbpf.bpf_obj_get(object), "open pinned program", object), object);
    }

    /** Opens a program by its id; empty if there is none. */
    public static Optional<BpfProgram> fromId(int id) {
        int fd = Libbpf.bpf_prog_get_fd_by_id(id);
        String object = "id " + id;
        return fd == -Errno.ENOENT
                ? Optional.empty()
                : Optional.of(new BpfProgram(new FileDescriptor(fd, "open program", object), object));
    }

    /**
     * The ids of all programs with that name that the kernel holds.
     *
     * @throws KernelException EPERM without CAP_SYS_ADMIN
     */
    public static List<Integer> named(String name) {
        List<Integer> found = new ArrayList<>();
        try (Memory next = Libbpf.zeroed(Integer.BYTES)) {
            while (true) {
                int result = Libbpf.bpf_prog_get_next_id(next.getInt(0), next);
                if (result == -Errno.ENOENT) {
                    return found;
                }
                Libbpf.check(result, "list", "programs");
                int id = next.getInt(0);
                try (BpfProgram program = fromId(id).orElse(null)) {
                    if (program != null && program.name().equals(name)) {
                        found.add(id);
                    }
                }
            }
        }
    }

    int fd() {
        return fd.get();
    }

    private String name() {
        try (Memory info = Libbpf.info(fd.get(), INFO_SIZE, "program " + object)) {
            return info.getString(INFO_NAME);
        }
    }

    public ProgramInfo info() {
        try (Memory ids = Libbpf.zeroed(MAPS_MAX * Integer.BYTES);
                Memory info = Libbpf.zeroed(INFO_SIZE)) {
            info.setInt(INFO_NR_MAP_IDS, MAPS_MAX);
            info.setPointer(INFO_MAP_IDS, ids);
            Libbpf.info(fd.get(), info, "program " + object);
            List<Integer> maps = new ArrayList<>();
            for (int i = 0; i < Math.min(MAPS_MAX, info.getInt(INFO_NR_MAP_IDS)); i++) {
                maps.add(ids.getInt((long) i * Integer.BYTES));
            }
            StringBuilder tag = new StringBuilder();
            for (byte b : info.getByteArray(INFO_TAG, 8)) {
                tag.append(String.format(Locale.ROOT, "%02x", b));
            }
            return new ProgramInfo(
                    info.getInt(INFO_ID),
                    tag.toString(),
                    info.getString(INFO_NAME),
                    info.getLong(INFO_RUN_TIME),
                    info.getLong(INFO_RUN_COUNT),
                    maps,
                    info.getLong(INFO_LOAD_TIME));
        }
    }

    /** Pins the program at a path in a bpffs; the file keeps it loaded. */
    public void pin(Path path) {
        Libbpf.check(Libbpf.bpf_obj_pin(fd.get(), path.toString()), "pin program at", path.toString());
    }

    /** Makes the program hold a map that its code does not use (BPF_PROG_BIND_MAP, kernel 5.10). May be repeated. */
    public void bindMap(RawMap map) {
        Libbpf.check(
                Libbpf.bpf_prog_bind_map(fd.get(), map.fd(), null),
                "bind map " + map.info().name() + " to program",
                object);
    }

    /**
     * Runs the program on a packet (BPF_PROG_TEST_RUN).
     *
     * @param packet from the Ethernet header on; the kernel refuses fewer than 14 bytes with EINVAL
     * @param repeat number of runs; each gets the packet as the run before left it
     */
    public TestRun testRun(byte[] packet, TestContext context, int repeat) {
        Memory in = new Memory(Math.max(1, packet.length));
        in.write(0, packet, 0, packet.length);
        int room = packet.length + 256;
        Memory out = new Memory(room);
        Memory skb = Libbpf.zeroed(SK_BUFF_SIZE);
        skb.setInt(SK_BUFF_GSO_SIZE, context.gsoSize());
        skb.setInt(SK_BUFF_GSO_SEGS, context.gsoSegments());
        Memory opts = Libbpf.options(RUN_OPTS_SIZE);
        opts.setPointer(RUN_DATA_IN, in);
        opts.setPointer(RUN_DATA_OUT, out);
        opts.setInt(RUN_DATA_SIZE_IN, packet.length);
        opts.setInt(RUN_DATA_SIZE_OUT, room);
        opts.setPointer(RUN_CTX_IN, skb);
        opts.setPointer(RUN_CTX_OUT, skb);
        opts.setInt(RUN_CTX_SIZE_IN, SK_BUFF_SIZE);
        opts.setInt(RUN_CTX_SIZE_OUT, SK_BUFF_SIZE);
        opts.setInt(RUN_REPEAT, repeat);
        Libbpf.check(Libbpf.bpf_prog_test_run_opts(fd.get(), opts), "test-run program", object);
        return new TestRun(
                opts.getInt(RUN_RETVAL),
                out.getByteArray(0, opts.getInt(RUN_DATA_SIZE_OUT)),
                skb.getInt(SK_BUFF_PRIORITY),
                opts.getInt(RUN_DURATION));
    }

    @Override
    public void close() {
        fd.close();
    }
}
