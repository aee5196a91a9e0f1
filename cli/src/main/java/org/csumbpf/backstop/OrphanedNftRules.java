// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.MountNamespaces;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;

/**
 * Finds nftables rules of attachments whose pins are all lost: a tcx program ends with the pin of its link, its rules
 * stay.
 */
public final class OrphanedNftRules {
    private OrphanedNftRules() {}

    /** The pins of all attachments of one namespace or of all, and where the pins would be of those that lost them all. */
    public static Set<PinDirectory> withPinned(Optional<NetworkNamespace> only) {
        Set<PinDirectory> all = new TreeSet<>(PinTree.withUnpinned(only));
        all.addAll(find(only));
        return all;
    }

    /**
     * The directories where the pins of such attachments would be. Searches one namespace, the caller's own if none is
     * named, and only if nothing is attached there, so that attachments do not pay for the search. What is pinned in
     * another mount namespace's bpffs, as of a container, is not left over.
     */
    public static List<PinDirectory> find(Optional<NetworkNamespace> only) {
        try (NetworkNamespace own = only.isPresent() ? null : NetworkNamespace.current()) {
            NetworkNamespace netns = only.orElse(own);
            // Asking nftables would load its module.
            return PinDirectory.of(netns.inode()).isEmpty()
                            && KernelModule.state("nf_tables") != KernelModule.State.LOADABLE
                    ? netns.call(() -> in(netns))
                    : List.of();
        }
    }

    private static List<PinDirectory> in(NetworkNamespace netns) {
        try {
            NftTables nftables = NftTables.here();
            Set<Integer> owners = new TreeSet<>();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                nftables.table(family).filter(NftTable::ours).ifPresent(table -> owners.addAll(table.owners()));
            }
            List<Path> elsewhere = owners.isEmpty() ? List.of() : MountNamespaces.otherRoots();
            return owners.stream()
                    .map(ifindex -> new PinDirectory(netns.inode(), ifindex))
                    .filter(pins -> elsewhere.stream().noneMatch(pins::existsBelow))
                    .toList();
        } catch (NftablesException e) {
            return List.of(); // without nftables there are none
        }
    }
}
