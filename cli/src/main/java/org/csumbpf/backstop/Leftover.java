// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.pin.PinDirectory;

/** nftables rules of attachments whose pins are all lost: a tcx program goes with the pin of its link, the rules beside it stay. */
public final class Leftover {
    private Leftover() {}

    /**
     * Where the pins of such attachments would be. They are looked for in one namespace, the caller's own if none is named, and only
     * where nothing is attached: who has an attachment there is not to pay for it.
     */
    public static List<PinDirectory> find(Optional<NetworkNamespace> only) {
        try (NetworkNamespace own = only.isPresent() ? null : NetworkNamespace.current()) {
            NetworkNamespace netns = only.orElse(own);
            // To ask nftables would load its module.
            return PinDirectory.of(netns.inode()).isEmpty()
                            && KernelModule.state("nf_tables") != KernelModule.State.LOADABLE
                    ? netns.call(() -> in(netns))
                    : List.of();
        }
    }

    private static List<PinDirectory> in(NetworkNamespace netns) {
        try (NftTables nftables = NftTables.open()) {
            return Stream.of(NftPlan.Family.values())
                    .flatMap(family -> nftables.table(family).stream())
                    .filter(NftTable::ours)
                    .flatMap(table -> table.owners().stream())
                    .distinct()
                    .map(ifindex -> new PinDirectory(netns.inode(), ifindex))
                    .toList();
        } catch (NftablesException e) {
            return List.of(); // without nftables there are none
        }
    }
}
