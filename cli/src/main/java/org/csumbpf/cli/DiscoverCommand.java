// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.csumbpf.discover.DiscoveryReader;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.pin.PinTree;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "discover",
        description = {
            "Show what needs repair on this host: the interfaces by which ESP comes in, the UDP ports of VXLAN that it carries,"
                    + " the overlay networks, the other hosts, and the attach commands that follow from that. Changes nothing.",
            "",
            "It reads the IPsec SAs and policies of the network namespace (--netns; default: the caller's own), VXLAN devices"
                    + " there and in the namespaces of 'ip netns' and Docker, and asks the Docker engine for its overlay networks."
        })
final class DiscoverCommand extends HostCommand {
    @Option(
            names = "--docker",
            paramLabel = "SOCKET",
            description =
                    "Unix socket of the Docker engine (default: ${DEFAULT-VALUE}). Without a socket there nothing is"
                            + " known of Docker's networks.")
    private Path socket = DockerEngine.SOCKET;

    @Override
    boolean changes() {
        return false;
    }

    @Override
    ExitCode run(Output out) {
        try (NetworkNamespace netns = global().netns()) {
            DiscoveryReader read = DiscoveryReader.read(netns, socket);
            Set<Integer> attached = PinTree.attachments(Optional.of(netns)).stream()
                    .map(PinDirectory::ifindex)
                    .collect(Collectors.toSet());
            DiscoverReport report = new DiscoverReport(netns, read, attached);
            read.unreadable().forEach(what -> err().println("csumbpf: warning: not read: " + what));
            if (global().json()) {
                out.json(report.json());
            } else {
                report.lines().forEach(out::println);
            }
        }
        return ExitCode.DONE;
    }
}
