// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.text.ShellWord;

/** What the doctor found, as lines for people and as a JSON tree. */
final class DoctorReport {
    private final List<DoctorFinding> findings;

    DoctorReport(List<DoctorFinding> findings) {
        this.findings = findings;
    }

    boolean amiss() {
        return findings.stream().anyMatch(finding -> finding.severity() == DoctorFinding.Severity.ERROR);
    }

    void print(Output out) {
        for (DoctorFinding finding : findings) {
            out.print(
                    style(finding.severity()),
                    String.format("%-8s", finding.severity().label()));
            out.println(finding.check().id() + ": " + finding.evidence()
                    + (finding.followsFrom() == null
                            ? ""
                            : " (follows from " + finding.followsFrom().id() + ")"));
            // The cause says enough of what follows from it.
            if (!finding.meaning().isEmpty() && finding.followsFrom() == null) {
                out.println("        " + finding.meaning());
            }
            if (!finding.remedy().isEmpty() && finding.followsFrom() == null) {
                out.println("        next: " + ShellWord.line(finding.remedy()));
            }
        }
    }

    /** The findings that csumbpf itself may fix, each fix once. */
    List<DoctorFinding> due() {
        return FixStep.due(findings);
    }

    /** A step that comes now, so it is seen before anything changes. */
    static void printStep(DoctorFinding finding, Output out) {
        print("fix", finding.check().id() + ": " + ShellWord.line(finding.fix().command()), out);
        out.flush();
    }

    static void printOutcome(FixStep step, Output out) {
        out.println("        " + step.error().map(error -> "failed: " + error).orElse("done"));
        out.flush();
    }

    void printNothingToFix(Output out) {
        boolean well = findings.stream().noneMatch(DoctorFinding::isToBeMended);
        print("fix", well ? "nothing to fix" : "nothing to fix that csumbpf itself may fix", out);
    }

    /** What only a person can do. */
    void printLeft(Output out) {
        String left = findings.stream()
                .filter(finding -> finding.isToBeMended()
                        && finding.fix() == null
                        && !finding.remedy().isEmpty())
                .map(finding -> finding.check().id())
                .distinct()
                .collect(Collectors.joining(", "));
        if (!left.isEmpty()) {
            print(
                    "left",
                    left
                            + ": a person must do what 'next' says; csumbpf changes no firewall, no Docker, no IPsec, no device",
                    out);
        }
    }

    private static void print(String label, String text, Output out) {
        out.print(Output.Style.BOLD, String.format("%-8s", label));
        out.println(text);
    }

    private static Output.Style style(DoctorFinding.Severity severity) {
        return switch (severity) {
            case ERROR -> Output.Style.RED;
            case WARNING -> Output.Style.YELLOW;
            case INFO -> Output.Style.CYAN;
            case OK -> Output.Style.GREEN;
        };
    }

    /** With what was done before the findings. */
    Map<String, Object> json(List<FixStep> steps) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("steps", steps.stream().map(FixStep::json).toList());
        tree.putAll(json());
        return tree;
    }

    Map<String, Object> json() {
        List<Map<String, Object>> list = new ArrayList<>();
        for (DoctorFinding finding : findings) {
            Map<String, Object> about = new LinkedHashMap<>();
            about.put("id", finding.check().id());
            about.put("severity", finding.severity().label());
            about.put("subject", finding.subject());
            about.put("evidence", finding.evidence());
            about.put("meaning", finding.meaning());
            about.put("remedy", finding.remedy());
            about.put(
                    "follows_from",
                    finding.followsFrom() == null ? null : finding.followsFrom().id());
            list.add(about);
        }
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("findings", list);
        return tree;
    }
}
