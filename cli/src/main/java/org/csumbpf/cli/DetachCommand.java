// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.Optional;
import org.csumbpf.agent.AgentLock;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.NetworkNamespace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

@Command(
        name = "detach",
        description = "Undo what attach did: the program, its maps, and what it changed on the host. Nothing else.")
final class DetachCommand extends OneOrAllCommand {
    @Option(
            names = "--forget",
            description =
                    "With --all: also remove attachments whose network namespace is not found, but may be held by a process"
                            + " that csumbpf cannot inspect. What attach changed there beside the program (nftables rules, GRO) is"
                            + " not undone. An attachment whose program still runs is kept.")
    private boolean forget;

    @Option(
            names = "--wait",
            description =
                    "With --all: first wait until no agent works in this network namespace, because an agent attaches"
                            + " again.")
    private boolean waits;

    private boolean said;

    @Override
    void checkUsage() {
        super.checkUsage();
        if (forget && !all()) {
            throw new ParameterException(spec().commandLine(), "--forget needs --all");
        }
        if (waits && !all()) {
            throw new ParameterException(spec().commandLine(), "--wait needs --all");
        }
    }

    @Override
    AttachmentResult one(NetworkNamespace netns, String ifname) {
        return Attachments.detach(netns, ifname);
    }

    @Override
    List<AttachmentResult> each(Optional<NetworkNamespace> only) {
        if (!waits) {
            return Attachments.detachAll(only, forget);
        }
        try (NetworkNamespace netns = global().netns();
                HostLock noAgent = AgentLock.await(netns, this::sayOnce)) {
            return Attachments.detachAll(only, forget);
        }
    }

    private void sayOnce() {
        if (!said) {
            said = true;
            err().println(spec().qualifiedName()
                    + ": waits for the agent to end; 'systemctl stop csumbpf' ends that of the package, 'docker stack rm"
                    + " csumbpf' those of a Swarm");
        }
    }

    @Override
    void report(Report report, List<AttachmentResult> done, Failure ending) {
        report.detached(done, ending);
    }
}
