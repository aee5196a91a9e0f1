// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

@Command(name = "stats", description = "Show packets and bytes by VNI and outcome, and with --peers by sender.")
final class StatsCommand extends HostCommand {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "Only this interface.")
    private String ifname;

    @Option(names = "--peers", description = "Also each peer: packets, bytes, bad checksums, SPI, last seen.")
    private boolean peers;

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "2",
            description = "Again every SECONDS (default 2), until interrupted.")
    private Double watch;

    @Override
    void checkUsage() {
        if (watch != null && !(watch >= 0.1 && watch <= 86_400)) {
            throw new ParameterException(
                    spec().commandLine(), "--watch " + watch + " is out of range; 0.1 to 86400 seconds");
        }
    }

    @Override
    void run(PrintWriter out) {
        Report report = new Report(global(), out, err());
        while (true) {
            if (watch != null && global().colored()) {
                out.print("\u001b[H\u001b[2J");
            }
            report.stats(StatusCommand.views(global(), ifname), peers);
            out.flush();
            if (watch == null || out.checkError()) {
                return;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(Math.round(watch * 1000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
