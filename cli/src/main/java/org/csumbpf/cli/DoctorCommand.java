// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.doctor.Bundle;
import org.csumbpf.doctor.Doctor;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.doctor.HostWatch;
import org.csumbpf.doctor.Watch;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.snapshot.Remedy;
import org.csumbpf.text.ShellWord;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

@Command(
        name = "doctor",
        description = {
            "Say why an encrypted overlay is dead, on any Linux host: with Docker or without, attached or not. Without --fix it changes"
                    + " nothing.",
            "",
            "It reads SAs, policies, VXLAN devices, forwarding entries, packet filters, counters, modules, what Docker says and"
                    + " csumbpf's attachments, watches for some seconds, and reads again. Start a ping between two containers"
                    + " before, in both directions if you can. Each line is a check: verdict, id, and what was seen; under"
                    + " it what that means, and the command that mends it. docs/doctor.md has a section for each id.",
            "",
            "Exit code: 0 if nothing is wrong; 9 if a check found an error, with --fix afterwards."
        })
final class DoctorCommand extends HostCommand {
    private static final int MOST_SECONDS = 3600;
    /** No engine is asked. */
    private static final Path NONE = Path.of("/nonexistent");

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description =
                    "How long to watch (default: ${DEFAULT-VALUE}). With 0 only what can be judged without packets is judged.")
    private int seconds = 10;

    @Option(
            names = "--fix",
            description = {
                "Do what csumbpf itself may do, because it is safe and can be undone: restore an attachment, attach where"
                        + " NAT breaks checksums and nothing is attached, switch GRO on, load a module. Each step is"
                        + " printed first. Then watch again.",
                "Firewalls, Docker, IPsec and devices are never changed."
            })
    private boolean fix;

    @Option(
            names = "--bundle",
            paramLabel = "FILE",
            description =
                    "Write what was read and found as one JSON file, to attach to an issue. It holds no keys of SAs."
                            + " With --fix: what was before.")
    private Path bundle;

    @Option(
            names = "--anonymize",
            description =
                    "With --bundle: replace addresses and the names of networks and nodes, each always by the same.")
    private boolean anonymize;

    @Option(
            names = "--from",
            paramLabel = "FILE",
            description = "Judge such a file, on any machine and without root, instead of this host.")
    private Path from;

    @Option(
            names = "--docker",
            paramLabel = "SOCKET",
            description = "Unix socket of the Docker engine (default: " + DockerEngine.DEFAULT
                    + "; with --netns none, because the engine is about its own namespace).")
    private Path docker;

    @Override
    boolean changes() {
        return fix;
    }

    @Override
    boolean readsHost() {
        return from == null;
    }

    @Override
    void checkUsage() {
        if (seconds < 0 || seconds > MOST_SECONDS) {
            throw new ParameterException(
                    spec().commandLine(), "--seconds " + seconds + ": give a number from 0 to " + MOST_SECONDS);
        }
        if (anonymize && bundle == null) {
            throw new ParameterException(spec().commandLine(), "--anonymize needs --bundle FILE");
        }
        if (fix && from != null) {
            throw new ParameterException(
                    spec().commandLine(), "--fix and --from exclude each other: a bundle is of another time or host");
        }
    }

    @Override
    ExitCode run(Output out) {
        Watch watch = from == null ? watch() : Bundle.read(from).watch();
        DoctorReport report = new DoctorReport(Doctor.examine(watch));
        if (!global().json()) {
            report.print(out);
        } else if (!fix) {
            out.json(report.json());
        }
        if (bundle != null) {
            Bundle.save(bundle, Bundle.write(Version.number(), watch, report.json(), anonymize));
            err().println("csumbpf: wrote " + bundle);
        }
        if (fix) {
            report = fixed(report, out);
        } else if (from == null && !global().json() && !report.due().isEmpty()) {
            List<String> command = Remedy.within(watch.after().netns(), List.of("csumbpf", "doctor", "--fix"));
            err().println("csumbpf: '" + ShellWord.line(command) + "' does: "
                    + report.due().stream()
                            .map(finding -> ShellWord.line(finding.fix().command()))
                            .collect(Collectors.joining("; ")));
        }
        return report.amiss() ? ExitCode.AMISS : ExitCode.DONE;
    }

    /** Fixes what csumbpf may fix, and returns what is found afterwards: the same if nothing was fixed. */
    private DoctorReport fixed(DoctorReport found, Output out) {
        boolean json = global().json();
        List<FixStep> steps = new ArrayList<>();
        for (DoctorFinding finding : found.due()) {
            if (!json) {
                DoctorReport.printStep(finding, out);
            }
            FixStep step = FixStep.attempt(finding);
            steps.add(step);
            step.warnings().forEach(warning -> err().println("csumbpf: warning: " + warning.text()));
            if (!json) {
                DoctorReport.printOutcome(step, out);
            }
        }
        // A step that failed may have done a part.
        boolean changed = !steps.isEmpty();
        DoctorReport after = changed ? new DoctorReport(Doctor.examine(watch())) : found;
        if (json) {
            out.json(after.json(steps));
            return after;
        }
        if (changed) {
            after.print(out);
        } else {
            found.printNothingToFix(out);
        }
        after.printLeft(out);
        return after;
    }

    private Watch watch() {
        if (!global().json() && seconds > 0) {
            err().println("csumbpf: watching for " + seconds + " s; start a ping between two containers now");
            err().flush();
        }
        try (NetworkNamespace netns = global().netns()) {
            Path socket = docker != null ? docker : netns.isCurrent() ? DockerEngine.SOCKET : NONE;
            return HostWatch.watch(netns, socket, Duration.ofSeconds(seconds), true);
        }
    }
}
