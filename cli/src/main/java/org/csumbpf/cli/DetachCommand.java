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
        name = "detach",
        description = "Undo what attach did: the program, its maps, and what it changed on the host. Nothing else.")
final class DetachCommand extends HostCommand {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "The interface.")
    private String ifname;

    @Option(
            names = "--all",
            description = "Every attachment, in all network namespaces (with --netns: in that one), also of interfaces"
                    + " and namespaces that are gone.")
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
                List<AttachmentResult> one = List.of(Attachments.detach(netns, ifname));
                PartialFailureException failure = PartialFailureException.of(one);
                report.detached(one, failure(failure));
                throwIfAny(failure);
            }
            return ExitCode.DONE;
        }
        List<AttachmentResult> detached = global().within(Attachments::detachAll);
        report.ignored(AttachmentView.ignored());
        PartialFailureException failure = PartialFailureException.of(detached);
        report.detached(detached, failure(failure));
        throwIfAny(failure);
        return ExitCode.DONE;
    }
}
