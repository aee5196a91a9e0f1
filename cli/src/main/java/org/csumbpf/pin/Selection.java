// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NoSuchNamespaceException;

/**
 * The attachments that a long-running process covers: all, or those of one network namespace. The namespace is not kept
 * open, so that it can end; its name is resolved at each use. For several threads.
 */
public final class Selection {
    /** Of all namespaces. */
    public static final Selection ALL = new Selection(Optional.empty(), 0);

    private final Optional<String> netns;
    /** The inode of the namespace when its name last existed. */
    private volatile long inode;

    private Selection(Optional<String> netns, long inode) {
        this.netns = netns;
        this.inode = inode;
    }

    /**
     * Of the namespace with that name of {@code ip netns}, or that path.
     *
     * @throws NoSuchNamespaceException there is none now
     */
    public static Selection of(String nameOrPath) {
        return new Selection(Optional.of(nameOrPath), inode(nameOrPath));
    }

    private static long inode(String nameOrPath) {
        try (NetworkNamespace found = NetworkNamespace.named(nameOrPath)) {
            return found.inode();
        }
    }

    /** The pins. If the name is gone, those of the namespace that had it: they may be all that is left. */
    public List<PinDirectory> attachments() {
        if (netns.isEmpty()) {
            return PinTree.attachments(Optional.empty());
        }
        try {
            inode = inode(netns.get());
        } catch (NoSuchNamespaceException e) {
            // The inode of before stays.
        }
        return PinTree.exists() ? PinDirectory.of(inode) : List.of();
    }
}
