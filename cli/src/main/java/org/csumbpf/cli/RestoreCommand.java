// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import org.csumbpf.attach.AttachmentResult;
import org.csumbpf.attach.AttachmentView;
import org.csumbpf.attach.Attachments;
import org.csumbpf.attach.PartialFailureException;
import org.csumbpf.loader.host.NetworkNamespace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

@Command(
        name = "restore",
        description = {
            "Put back what was lost of an attachment - the program on its hook, pins, nftables rules, modules - exactly as"
                    + " attach was asked for it.",
            "What is there already stays as it is. An interface that was moved to another network namespace is followed."
        })
final class RestoreCommand extends HostCommand {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "The interface.")
    private String ifname;

    @Option(
            names = "--all",
            description = "Every attachment, in all network namespaces (with --netns: in that one). What is left of"
                    + " interfaces and namespaces that are gone is cleared away.")
    private boolean all;

    @Override
    void checkUsage() {
        if (all == (ifname != null)) {
            throw new ParameterException(spec().commandLine(), "give either an interface or --all");
        }
    }

    @Override
    ExitCode run(Output out) {
        Report report = new Report(global(), out, err());
        if (!all) {
            try (NetworkNamespace netns = global().netns()) {
                report.restored(List.of(Attachments.restore(netns, ifname)), null);
            }
            return ExitCode.DONE;
        }
        List<AttachmentResult> restored = global().within(Attachments::restoreAll);
        report.ignored(AttachmentView.ignored());
        PartialFailureException failure = PartialFailureException.of(restored);
        report.restored(restored, failure(failure));
        throwIfAny(failure);
        return ExitCode.DONE;
    }
}
