// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.pin.Absent;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Verdict;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "status",
        description = {
            "Show every attachment: its hook, rules and counters, what attach changed on the host, and whether packets are"
                    + " repaired.",
            "",
            "Exit code: 0 if all is well or nothing is attached; 9 if something is amiss with an attachment that is shown: a"
                    + " line 'problem', or 'repair' is broken, bypassed, off or unknown ('amiss' in JSON); 6 if IFACE is"
                    + " not attached. A monitoring script needs no more than 'csumbpf status >/dev/null || alert';"
                    + " docs/exit-codes.md has the details."
        })
final class StatusCommand extends HostCommand {
    @Parameters(
            paramLabel = "IFACE",
            arity = "0..1",
            description = "Only this interface, of the caller's namespace or that of --netns. Default: all interfaces"
                    + " of all namespaces.")
    private String ifname;

    @Override
    boolean changes() {
        return false;
    }

    @Override
    ExitCode run(Output out) {
        Report report = new Report(global(), out, err());
        report.ignored(AttachmentReader.ignored());
        List<AttachmentView> views =
                views(global(), ifname, AttachmentReader.Peers.ADDED_UP); // for the time of the last packet
        report.status(views);
        return views.stream().anyMatch(Verdict::amiss) ? ExitCode.AMISS : ExitCode.DONE;
    }

    /** The attachments that a command is about. A named interface must have one. */
    static List<AttachmentView> views(Csumbpf global, String ifname, AttachmentReader.Peers peers) {
        if (ifname == null) {
            return global.within(only -> AttachmentReader.all(only, peers));
        }
        try (NetworkNamespace netns = global.netns()) {
            return List.of(
                    AttachmentReader.one(netns, ifname, peers).orElseThrow(() -> Absent.attachment(netns, ifname)));
        }
    }
}
