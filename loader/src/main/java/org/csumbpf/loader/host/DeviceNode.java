// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Identifies a network device by the number of its directory in sysfs, which no other device gets before the host
 * reboots. The kernel counts these numbers up and never reuses one (a 64-bit kernfs id: kernfs_new_node of
 * fs/kernfs/dir.c, since 5.5), and a device that is renamed or moved to another namespace keeps its directory. Measured
 * on 5.10, 6.1, 6.12, 6.18 and 7.3 (RecordedAttachmentTest). An ifindex, however, is reused at once.
 *
 * <p>The mounted sysfs may show another namespace's devices, or none. So this class mounts one of its own, which nobody
 * else sees (fsopen, fsmount; kernel 5.2). That needs CAP_SYS_ADMIN.
 */
public final class DeviceNode {
    /** This number and the next two are the same on all architectures. */
    private static final long SYS_FSOPEN = 430;

    private static final long SYS_FSCONFIG = 431;
    private static final long SYS_FSMOUNT = 432;
    private static final int FSOPEN_CLOEXEC = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final int FSMOUNT_CLOEXEC = 1;

    private DeviceNode() {}

    /**
     * The number of a device in the calling thread's network namespace. Empty if there is no such device, if the kernel
     * cannot mount a sysfs of our own, or without CAP_SYS_ADMIN.
     */
    public static OptionalLong of(String ifname) {
        return withDevices(directory -> Optional.of(number(directory, ifname)).filter(number -> number != 0))
                .map(OptionalLong::of)
                .orElseGet(OptionalLong::empty);
    }

    /** The device with this number in the calling thread's network namespace. */
    public static Optional<NetDevice> find(long number) {
        return withDevices(directory -> Rtnetlink.devices().stream()
                .filter(device -> number(directory, device.name()) == number)
                .findFirst());
    }

    /** 0: no such device. The path is bytes, because a device's name may not be valid text. */
    private static long number(String directory, String ifname) {
        ByteArrayOutputStream path = new ByteArrayOutputStream();
        path.writeBytes((directory + "/").getBytes(StandardCharsets.US_ASCII));
        path.writeBytes(InterfaceName.encode(ifname));
        path.write(0);
        int node = Libc.open(path.toByteArray(), Libc.O_PATH | Libc.O_CLOEXEC);
        if (node < 0) {
            return 0;
        }
        try {
            return NetworkNamespace.inode(Path.of("/proc/self/fd/" + node));
        } finally {
            Libc.close(node);
        }
    }

    /** Runs {@code work} on the directory that has an entry for each device of the namespace. */
    private static <T> Optional<T> withDevices(Function<String, Optional<T>> work) {
        int context = (int) Libc.syscall(SYS_FSOPEN, "sysfs", FSOPEN_CLOEXEC);
        if (context < 0) {
            return unknown("open file system");
        }
        try {
            if (Libc.syscall(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0) < 0) {
                return unknown("create file system");
            }
            int mount = (int) Libc.syscall(SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, 0, 0, 0);
            if (mount < 0) {
                return unknown("mount file system");
            }
            try {
                return work.apply("/proc/self/fd/" + mount + "/class/net");
            } finally {
                Libc.close(mount);
            }
        } finally {
            Libc.close(context);
        }
    }

    private static <T> Optional<T> unknown(String operation) {
        int errno = Native.getLastError();
        if (errno == Errno.EPERM || errno == Errno.ENOSYS || errno == Errno.ENODEV) {
            return Optional.empty();
        }
        throw new KernelException(operation, "sysfs", errno);
    }
}
