// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * The container that this process may run in: one of an engine, whose mounts end with its first process, not a system
 * with an init of its own.
 */
public final class Container {
    /**
     * What our image, Podman and CRI-O set; systemd-nspawn and LXC set other values. The file /.dockerenv says less: it is
     * also on hosts whose file system was an image once.
     */
    private static final Set<String> ENGINES = Set.of("docker", "podman", "oci");

    private static final Path LABEL = Path.of("/proc/self/attr/current");

    private Container() {}

    /** Whether there is one. */
    public static boolean isCurrent() {
        return ENGINES.contains(String.valueOf(System.getenv("container")))
                || System.getenv("KUBERNETES_SERVICE_HOST") != null;
    }

    /**
     * What confines this process besides its capabilities: the label of AppArmor ({@code docker-default (enforce)}) or of
     * SELinux ({@code system_u:system_r:container_t:s0}).
     *
     * @return empty: nothing, or it cannot be read
     */
    public static Optional<String> confinement() {
        try {
            return confinement(Files.readString(LABEL));
        } catch (IOException e) {
            return Optional.empty(); // no such security module
        }
    }

    /** @param label the text of /proc/self/attr/current, which ends with a newline or with a 0 */
    static Optional<String> confinement(String label) {
        String text = label.replace('\0', ' ').strip();
        boolean isFree = text.isEmpty() || text.equals("unconfined") || text.contains(":unconfined_t:");
        return isFree ? Optional.empty() : Optional.of(text);
    }
}
