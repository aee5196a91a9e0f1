// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.Optional;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.loader.host.NetworkNamespace;
import picocli.CommandLine.Command;

@Command(
        name = "detach",
        description = "Undo what attach did: the program, its maps, and what it changed on the host. Nothing else.")
final class DetachCommand extends OneOrAllCommand {
    @Override
    AttachmentResult one(NetworkNamespace netns, String ifname) {
        return Attachments.detach(netns, ifname);
    }

    @Override
    List<AttachmentResult> each(Optional<NetworkNamespace> only) {
        return Attachments.detachAll(only);
    }

    @Override
    void tell(Report report, List<AttachmentResult> done, Failure ending) {
        report.detached(done, ending);
    }
}
