// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What this process may do (capabilities(7)). */
public final class Privileges {
    private static final int CAP_NET_ADMIN = 12;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_PERFMON = 38;
    private static final int CAP_BPF = 39;

    private Privileges() {}

    /**
     * Whether this process may load and attach programs. That needs CAP_NET_ADMIN, and CAP_SYS_ADMIN or both CAP_BPF
     * and CAP_PERFMON (5.8). Without CAP_PERFMON the verifier allows no comparison of packet pointers.
     */
    public static boolean canAttach() {
        return canAttach(status());
    }

    /** Whether this process may read attachments: CAP_SYS_ADMIN or CAP_BPF, and CAP_NET_ADMIN (nftables, IPsec). */
    public static boolean canRead() {
        return canRead(status());
    }

    static boolean canAttach(List<String> status) {
        return canRead(status) && (has(status, CAP_SYS_ADMIN) || has(status, CAP_PERFMON));
    }

    static boolean canRead(List<String> status) {
        return has(status, CAP_NET_ADMIN) && (has(status, CAP_SYS_ADMIN) || has(status, CAP_BPF));
    }

    private static List<String> status() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return List.of(); // no /proc: has() assumes all capabilities, and the kernel decides
        }
    }

    private static boolean has(List<String> status, int capability) {
        for (String line : status) {
            if (line.startsWith("CapEff:")) {
                long set = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16);
                return (set >>> capability & 1) != 0;
            }
        }
        return true;
    }
}
