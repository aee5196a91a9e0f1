// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.discover;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NoSuchNamespaceException;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.snapshot.NamespaceSnapshot;
import org.csumbpf.snapshot.VxlanDevice;

/**
 * Reads what {@link Discovery} is decided from, and changes nothing.
 *
 * @param discovery what was found
 * @param engine the Docker engine; empty: there is none, or it does not answer
 * @param unreadable what could not be read, as sentences without a full stop; what it would have said is missing
 */
public record DiscoveryReader(Discovery discovery, Optional<DockerEngine> engine, List<String> unreadable) {

    /**
     * @param netns of the devices and SAs
     * @param socket of the Docker engine
     */
    public static DiscoveryReader read(NetworkNamespace netns, Path socket) {
        List<String> unreadable = new ArrayList<>();
        Optional<DockerEngine> engine = engine(socket, unreadable);
        List<Discovery.Located> vxlans = new ArrayList<>(netns.call(() -> located(Optional.empty())));
        for (String path : NetworkNamespace.likely()) {
            try (NetworkNamespace other = NetworkNamespace.named(path)) {
                if (other.inode() != netns.inode()) {
                    vxlans.addAll(other.call(() -> located(Optional.of(path))));
                }
            } catch (NoSuchNamespaceException e) {
                continue; // the namespace is gone, or the path is something else
            } catch (KernelException e) {
                unreadable.add("network namespace " + path + ": " + e.getMessage());
            }
        }
        Discovery discovery = netns.call(() -> {
            NamespaceSnapshot snapshot = NamespaceSnapshot.here();
            return Discovery.of(
                    snapshot.links().get(),
                    snapshot.addresses().get(),
                    snapshot.associations().get(),
                    snapshot.policies().get(),
                    vxlans,
                    List.of(),
                    engine,
                    Rtnetlink::routeTo);
        });
        return new DiscoveryReader(discovery, engine, List.copyOf(unreadable));
    }

    private static List<Discovery.Located> located(Optional<String> netns) {
        return VxlanDevice.here().stream()
                .map(device -> new Discovery.Located(device, netns))
                .toList();
    }

    private static Optional<DockerEngine> engine(Path socket, List<String> unreadable) {
        if (!Files.exists(socket)) {
            return Optional.empty();
        }
        try {
            return Optional.of(DockerEngine.read(socket));
        } catch (IOException e) {
            unreadable.add("Docker at " + socket + ": " + e.getMessage());
            return Optional.empty();
        }
    }
}
