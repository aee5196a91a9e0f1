// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Judges a host. Pure: the same watch gives the same findings, on any machine. */
public final class Doctor {
    private Doctor() {}

    /** What was found, the true cause first: errors, then what follows from them, then the rest as it is less bad. */
    public static List<DoctorFinding> examine(Watch watch) {
        List<DoctorFinding> found = new ArrayList<>();
        Map<String, String> notRead = new TreeMap<>(watch.before().notRead());
        notRead.putAll(watch.after().notRead());
        notRead.forEach((what, why) -> found.add(new DoctorFinding(
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
        List<DoctorFinding> errors =
                found.stream().filter(DoctorFinding::isError).toList();
        for (DoctorFinding finding : found) {
            boolean amiss = finding.isError() || finding.severity() == DoctorFinding.Severity.WARNING;
            judged.add(
                    amiss
                            ? finding.check().causes().stream()
                                    .filter(cause -> errors.stream()
                                            .anyMatch(error -> error.check() == cause && concern(error, finding)))
                                    .findFirst()
                                    .map(finding::following)
                                    .orElse(finding)
                            : finding);
        }
        judged.replaceAll(finding -> finding.within(watch.after().netns()));
        judged.sort(Comparator.comparing(Doctor::rank).thenComparing(DoctorFinding::check));
        return judged;
    }

    /** Whether they can be about the same packets: what is wrong with one peer does not explain another. */
    static boolean concern(DoctorFinding cause, DoctorFinding effect) {
        boolean both = isPeers(cause.subject()) && isPeers(effect.subject());
        return !both
                || Arrays.stream(effect.subject().split(", "))
                        .anyMatch(peer -> cause.subject().contains(peer));
    }

    private static boolean isPeers(String subject) {
        return subject.matches("[0-9a-fA-F.:, ]*[.:][0-9a-fA-F.:, ]*");
    }

    private static int rank(DoctorFinding finding) {
        return finding.isError()
                ? 0
                : finding.followsFrom() != null ? 1 : 1 + finding.severity().ordinal();
    }
}
