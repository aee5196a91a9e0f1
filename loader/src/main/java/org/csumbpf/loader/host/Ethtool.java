// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;

/** Reads and sets device features by SIOCETHTOOL, in the calling thread's network namespace. */
public final class Ethtool {
    private static final long SIOCETHTOOL = 0x8946;
    private static final int ETHTOOL_GGRO = 0x2b;
    private static final int ETHTOOL_SGRO = 0x2c;
    private static final int VALUE_SIZE = 8;
    private static final int VALUE_CMD = 0;
    private static final int VALUE_DATA = 4;
    private static final int IFNAMSIZ = 16;
    private static final int IFREQ_SIZE = 40;

    private Ethtool() {}

    /** Whether generic receive offload is on. KernelException: ENODEV, EOPNOTSUPP. */
    public static boolean gro(String device) {
        return value(device, ETHTOOL_GGRO, 0, "read GRO feature of") != 0;
    }

    /** Switches generic receive offload. KernelException: ENODEV, EOPNOTSUPP, EPERM. */
    public static void setGro(String device, boolean on) {
        value(device, ETHTOOL_SGRO, on ? 1 : 0, "switch GRO feature of");
    }

    private static int value(String device, int command, int data, String operation) {
        byte[] name = InterfaceName.encode(device);
        int socket = Libc.check(Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0), "open", "socket");
        // struct ifreq { char name[16]; void *data; } points to struct ethtool_value { __u32 cmd; __u32 data; }.
        try (Memory value = new Memory(VALUE_SIZE);
                Memory request = new Memory(IFREQ_SIZE)) {
            value.setInt(VALUE_CMD, command);
            value.setInt(VALUE_DATA, data);
            request.clear();
            request.write(0, name, 0, Math.min(name.length, IFNAMSIZ - 1));
            request.setPointer(IFNAMSIZ, value);
            Libc.check(Libc.ioctl(socket, SIOCETHTOOL, request), operation, device);
            return value.getInt(VALUE_DATA);
        } finally {
            Libc.close(socket);
        }
    }
}
