// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.MountNamespaces;
import org.csumbpf.loader.host.NamespaceSearch;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.CsumbpfObject;

/**
 * Finds attachments whose filters still run although all their pins are lost. A tcx link ends with its pin, so only
 * clsact attachments can be in this state.
 */
final class Unpinned {
    private Unpinned() {}

    /**
     * The directories where their pins would be, in one namespace or in all that can be found. Namespaces are searched
     * only if the kernel holds a program that is not pinned here. Of a namespace that is not the caller's own and not
     * named by {@code only}, attachments pinned in another mount namespace's bpffs are left to that one.
     */
    static List<PinDirectory> find(Optional<NetworkNamespace> only) {
        List<PinDirectory> found = new ArrayList<>();
        try {
            if (!anyProgram()) {
                return found;
            }
        } catch (KernelException e) {
            if (e.errno() != Errno.EPERM) {
                throw e;
            }
            // Then other namespaces may not be entered either.
            try (NetworkNamespace own = only.isPresent() ? null : NetworkNamespace.current()) {
                found.addAll(in(only.orElse(own)));
                return found;
            }
        }
        if (only.isPresent()) {
            found.addAll(in(only.get()));
        } else {
            List<Path> elsewhere = MountNamespaces.otherRoots();
            NamespaceSearch.each(netns -> in(netns).stream()
                    .filter(pins -> netns.isCurrent() || elsewhere.stream().noneMatch(root -> pins.existsBelow(root)))
                    .forEach(found::add));
        }
        return found;
    }

    /** Whether the kernel holds a program of ours that is not pinned here. */
    private static boolean anyProgram() {
        List<Integer> programs = BpfProgram.named(CsumbpfObject.PROGRAM);
        if (!programs.isEmpty() && PinTree.exists()) {
            for (PinDirectory pins : PinDirectory.all()) {
                programs.remove(pinned(pins));
            }
        }
        return !programs.isEmpty();
    }

    private static Integer pinned(PinDirectory pins) {
        try {
            return Pinned.program(pins);
        } catch (KernelException e) {
            return 0; // its reader reports what is wrong
        }
    }

    private static List<PinDirectory> in(NetworkNamespace netns) {
        return netns.call(() -> Rtnetlink.devices().stream()
                .map(NetDevice::ifindex)
                .map(ifindex -> new PinDirectory(netns.inode(), ifindex))
                .filter(pins -> !pins.exists()
                        && LiveHook.find(AttachPoint.receive(pins)).isPresent())
                .toList());
    }
}
