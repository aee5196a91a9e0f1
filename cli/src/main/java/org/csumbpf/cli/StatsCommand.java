// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import org.csumbpf.snapshot.AttachmentReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

@Command(
        name = "stats",
        description = {
            "Show packets and bytes by VNI and outcome, and with --peers by sender.",
            "",
            "With --watch on a terminal: a table of rates per second, each with a chart of the rates before, the newest on"
                    + " the right; new attachments appear by themselves; q quits. Without a terminal: one line per row and"
                    + " reading, 'TIME IFACE vni=VNI [network=NAME] path=PATH outcome=OUTCOME packets=N bytes=N packets/s=N bytes/s=N'"
                    + " (for a peer: peer=ADDRESS instead of path and outcome, and bad= bad/s= spi= seen=SECONDS at the end);"
                    + " the first rates are '-'. With --json: the same document as without --watch, once per reading."
        })
final class StatsCommand extends HostCommand {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "Only this interface.")
    private String ifname;

    @Option(
            names = "--peers",
            description =
                    "Also each peer: packets, bytes, bad checksums, SPI, what NAT does to its checksums (delta; without"
                            + " --watch), last seen.")
    private boolean peers;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "2",
            description = "Repeat every SECONDS (default 2), until q or Ctrl-C.")
    private Double watch;

    @Override
    void checkUsage() {
        if (watch != null && !(watch >= 0.1 && watch <= 86_400)) {
            throw new ParameterException(
                    spec().commandLine(), "--watch " + watch + " is out of range; 0.1 to 86400 seconds");
        }
    }

    @Override
    boolean changes() {
        return false;
    }

    @Override
    ExitCode run(Output out) {
        if (watch == null) {
            new Report(global(), out, err())
                    .stats(
                            StatusCommand.views(
                                    global(),
                                    ifname,
                                    peers ? AttachmentReader.Peers.EACH : AttachmentReader.Peers.SKIPPED),
                            peers);
        } else {
            new CounterWatch(global(), ifname, peers, watch).run(out, err());
        }
        return ExitCode.DONE;
    }
}
