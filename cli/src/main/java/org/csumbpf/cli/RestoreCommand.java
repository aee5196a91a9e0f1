// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.Optional;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.loader.host.NetworkNamespace;
import picocli.CommandLine.Command;

@Command(
        name = "restore",
        description = {
            "Restore what an attachment has lost - the program on its hook, pins, nftables rules, modules - exactly as attach"
                    + " was asked for it.",
            "What is still there stays as it is. If the interface was moved to another network namespace, the attachment is"
                    + " moved, too."
        })
final class RestoreCommand extends OneOrAllCommand {
    @Override
    AttachmentResult one(NetworkNamespace netns, String ifname) {
        return Attachments.restore(netns, ifname);
    }

    @Override
    List<AttachmentResult> each(Optional<NetworkNamespace> only) {
        return Attachments.restoreAll(only);
    }

    @Override
    void report(Report report, List<AttachmentResult> done, Failure ending) {
        report.restored(done, ending);
    }
}
