// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What the kernel lets this process do (capabilities(7)). */
public final class Privileges {
    private static final int CAP_NET_ADMIN = 12;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_BPF = 39;

    private Privileges() {}

    /** Whether this process may load and attach programs: CAP_SYS_ADMIN, or CAP_BPF (5.8) and CAP_NET_ADMIN. */
    public static boolean canAttach() {
        try {
            return canAttach(Files.readAllLines(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return true; // no /proc: the kernel will tell
        }
    }

    static boolean canAttach(List<String> status) {
        for (String line : status) {
            if (line.startsWith("CapEff:")) {
                long set = Long.parseUnsignedLong(
                        line.substring("CapEff:".length()).strip(), 16);
                return has(set, CAP_SYS_ADMIN) || (has(set, CAP_BPF) && has(set, CAP_NET_ADMIN));
            }
        }
        return true;
    }

    private static boolean has(long set, int capability) {
        return (set >>> capability & 1) != 0;
    }
}
