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
 * Attachments whose pins are all lost, while their filters go on. With a tcx link that cannot be: without its pin the kernel takes
 * the program off.
 */
final class Unpinned {
    private Unpinned() {}

    /**
     * Where such pins would be: in one namespace, or wherever they can be found. Nothing is looked for unless the kernel holds a
     * program that is not pinned here, so the number of namespaces costs nothing. In a namespace that is not the caller's own and
     * that nobody has named, one that is pinned in a bpffs of another mount namespace is left to whoever works there.
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
            // Then no other namespace may be entered either.
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

    /** Whether there is a program of ours that is not the one of an attachment with pins. */
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
            return 0; // what is wrong with it is told where it is read
        }
    }

    private static List<PinDirectory> in(NetworkNamespace netns) {
        return netns.call(() -> Rtnetlink.devices().stream()
                .map(NetDevice::ifindex)
                .map(ifindex -> new PinDirectory(netns.inode(), ifindex))
                .filter(pins ->
                        !pins.exists() && LiveHook.find(HookPlace.receive(pins)).isPresent())
                .toList());
    }
}
