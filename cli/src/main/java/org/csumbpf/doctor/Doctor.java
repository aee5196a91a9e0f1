// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Judges a host. Pure: the same watch gives the same findings, on any machine. */
public final class Doctor {
    private Doctor() {}

    /** What was found, the true cause first: errors, then what follows from them, then the rest as it is less bad. */
    public static List<DoctorFinding> examine(Watch watch) {
        List<DoctorFinding> found = new ArrayList<>();
        watch.after()
                .notRead()
                .forEach((what, why) -> found.add(new DoctorFinding(
                        Check.COUNTERS,
                        DoctorFinding.Severity.WARNING,
                        what,
                        "not read: " + what + ": " + why,
                        Check.COUNTERS.meaning(),
                        List.of(),
                        null)));
        if (watch.concernsEsp()) {
            found.addAll(new IpsecChecks(watch).all());
            found.addAll(new OverlayChecks(watch).all());
        } else {
            found.add(DoctorFinding.info(
                    Check.SA_MISSING,
                    "",
                    "no encrypted overlay is known on this host: no SA of ESP in transport mode, no policy, no rule of"
                            + " Docker's"));
        }
        found.addAll(new DeliveryChecks(watch).all());
        List<DoctorFinding> judged = new ArrayList<>();
        Set<Check> errors = EnumSet.noneOf(Check.class);
        found.stream().filter(DoctorFinding::isError).forEach(finding -> errors.add(finding.check()));
        for (DoctorFinding finding : found) {
            judged.add(
                    finding.isError() || finding.severity() == DoctorFinding.Severity.WARNING
                            ? finding.check().causes().stream()
                                    .filter(errors::contains)
                                    .findFirst()
                                    .map(finding::following)
                                    .orElse(finding)
                            : finding);
        }
        judged.replaceAll(finding -> finding.within(watch.after().netns()));
        judged.sort(Comparator.comparing(Doctor::rank).thenComparing(DoctorFinding::check));
        return judged;
    }

    private static int rank(DoctorFinding finding) {
        return finding.isError()
                ? 0
                : finding.followsFrom() != null ? 1 : 1 + finding.severity().ordinal();
    }
}
