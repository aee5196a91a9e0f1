// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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

    private static Output.Style style(DoctorFinding.Severity severity) {
        return switch (severity) {
            case ERROR -> Output.Style.RED;
            case WARNING -> Output.Style.YELLOW;
            case INFO -> Output.Style.CYAN;
            case OK -> Output.Style.GREEN;
        };
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
