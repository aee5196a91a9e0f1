// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.Optional;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.PartialFailureException;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.snapshot.AttachmentReader;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** A command for one attachment or, with --all, for each. It goes on after a failure, and reports all of them. */
abstract class OneOrAllCommand extends HostCommand {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "The interface.")
    private String ifname;

    @Option(
            names = "--all",
            description = "Every attachment, in all network namespaces (with --netns: in that one). What is left of"
                    + " interfaces and namespaces that are gone is removed.")
    private boolean all;

    @Override
    void checkUsage() {
        if (all == (ifname != null)) {
            throw new ParameterException(spec().commandLine(), "give either an interface or --all");
        }
    }

    @Override
    final ExitCode run(Output out) {
        Report report = new Report(global(), out, err());
        List<AttachmentResult> done;
        if (all) {
            done = global().within(this::each);
            report.ignored(AttachmentReader.ignored());
        } else {
            try (NetworkNamespace netns = global().netns()) {
                done = List.of(one(netns, ifname));
            }
        }
        PartialFailureException failure = PartialFailureException.of(done);
        report(report, done, failure(failure));
        throwIfAny(failure);
        return ExitCode.DONE;
    }

    final boolean all() {
        return all;
    }

    abstract AttachmentResult one(NetworkNamespace netns, String ifname);

    /** @param only the namespace to stay in; empty: all */
    abstract List<AttachmentResult> each(Optional<NetworkNamespace> only);

    /** @param ending the failure that the command ends with; null: with success */
    abstract void report(Report report, List<AttachmentResult> done, Failure ending);
}
