// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.NetworkNamespace;

/**
 * A host as it is. A command takes one snapshot and reads each part at most once, so that all decisions rest on the
 * same state. The values of attachments are {@link AttachmentView}s.
 *
 * @param kernel its release
 * @param modules the state of a module by name
 * @param namespaces the snapshot of a network namespace
 * @param moved VXLAN devices that Docker has moved to other namespaces; a long-running process keeps them
 * @param harmHere what the offload modules would harm in the namespace that csumbpf was started in, in words; empty: no
 *     harm is known
 * @param harmAnywhere the same of all namespaces that can be found, because modules serve the whole host
 */
public record HostSnapshot(
        Reading<KernelRelease> kernel,
        Function<String, KernelModule.State> modules,
        Function<NetworkNamespace, NamespaceSnapshot> namespaces,
        MovedDevices moved,
        Reading<Optional<String>> harmHere,
        Reading<Optional<String>> harmAnywhere) {

    public static HostSnapshot take() {
        return take(new MovedDevices());
    }

    static HostSnapshot take(MovedDevices moved) {
        Map<String, KernelModule.State> modules = new HashMap<>();
        Map<Long, NamespaceSnapshot> namespaces = new HashMap<>();
        Function<NetworkNamespace, NamespaceSnapshot> namespace =
                netns -> namespaces.computeIfAbsent(netns.inode(), inode -> NamespaceSnapshot.here());
        return new HostSnapshot(
                Reading.of(KernelRelease::current),
                name -> modules.computeIfAbsent(name, KernelModule::state),
                namespace,
                moved,
                Reading.of(() -> OffloadSafety.harmHere(namespace)),
                Reading.of(() -> OffloadSafety.harmAnywhere(namespace)));
    }

    public KernelModule.State module(String name) {
        return modules.apply(name);
    }

    /** Valid as long as the namespace is open. */
    public NamespaceSnapshot of(NetworkNamespace netns) {
        return namespaces.apply(netns);
    }

    /** Whether a module is loaded or built into the kernel. */
    public boolean hasModule(String name) {
        KernelModule.State state = module(name);
        return state == KernelModule.State.LOADED || state == KernelModule.State.BUILT_IN;
    }

    /** What the offload modules would harm in a namespace or in that of csumbpf itself. */
    Optional<String> offloadHarm(NamespaceSnapshot netns) {
        return OffloadSafety.harm(netns).or(harmHere);
    }
}
