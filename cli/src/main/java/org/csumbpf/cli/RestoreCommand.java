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
            "Put back what was lost of an attachment - the program on its hook, pins, nftables rules, modules - exactly as"
                    + " attach was asked for it.",
            "What is there already stays as it is. An interface that was moved to another network namespace is followed."
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
