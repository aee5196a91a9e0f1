// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import org.csumbpf.snapshot.Preflight;

/**
 * What attachments depend on and no netlink message reports. Reading it is cheap: a directory, and one system call for
 * each hook.
 *
 * @param pins names of the pins
 * @param chains programs on the tcx hooks, by attach point; absent: that cannot be read, or the kernel has no tcx
 * @param modules state of the offload modules
 */
record Unreported(
        Map<PinDirectory, List<String>> pins, Map<Integer, List<Integer>> chains, List<KernelModule.State> modules) {
    /** What cannot be read is left out, which is a difference like any other. */
    static Unreported read(NetworkNamespace netns) {
        try {
            return readAll(netns);
        } catch (KernelException | UncheckedIOException e) {
            return new Unreported(Map.of(), Map.of(), List.of());
        }
    }

    private static Unreported readAll(NetworkNamespace netns) {
        Map<PinDirectory, List<String>> pins = new TreeMap<>();
        Map<Integer, List<Integer>> chains = new TreeMap<>();
        PinTree.attachments(Optional.of(netns)).forEach(directory -> pins.put(directory, directory.names()));
        netns.call(() -> {
            for (PinDirectory directory : pins.keySet()) {
                for (AttachPoint point : List.of(AttachPoint.receive(directory), AttachPoint.loopback(directory))) {
                    chain(point.ifindex()).ifPresent(chain -> chains.put(point.ifindex(), chain));
                }
            }
            return chains;
        });
        return new Unreported(
                pins,
                chains,
                List.of(KernelModule.state(Preflight.ESP4_OFFLOAD), KernelModule.state(Preflight.ESP6_OFFLOAD)));
    }

    private static Optional<List<Integer>> chain(int ifindex) {
        try {
            return Optional.of(new ArrayList<>(TcxLink.query(ifindex)));
        } catch (KernelException e) {
            return Optional.empty();
        }
    }
}
