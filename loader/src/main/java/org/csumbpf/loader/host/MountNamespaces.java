// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The mount namespaces of all processes that this process may inspect. */
public final class MountNamespaces {
    private MountNamespaces() {}

    /** The root directory of each mount namespace but this process' own, through a process in it. */
    public static List<Path> otherRoots() {
        Set<Long> seen = new HashSet<>();
        seen.add(0L); // entries that are no process, or may not be inspected
        seen.add(NetworkNamespace.inode(Path.of("/proc/self/ns/mnt")));
        List<Path> roots = new ArrayList<>();
        for (Path process : NetworkNamespace.entries(Path.of("/proc"))) {
            if (seen.add(NetworkNamespace.inode(process.resolve("ns/mnt")))) {
                roots.add(process.resolve("root"));
            }
        }
        return roots;
    }
}
