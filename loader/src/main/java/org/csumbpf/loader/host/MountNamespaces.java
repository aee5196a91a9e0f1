// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The mount namespaces that processes are in, as far as they may be seen. */
public final class MountNamespaces {
    private MountNamespaces() {}

    /** The root directory of each but this process' own, by a process that is in it. */
    public static List<Path> otherRoots() {
        Set<Long> seen = new HashSet<>();
        seen.add(0L); // what is no process, or may not be looked into
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
