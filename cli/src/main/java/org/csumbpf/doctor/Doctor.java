// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Judges a host. Pure: the same watch gives the same findings, on any machine. */
public final class Doctor {
    private Doctor() {}

    /** What was found, the true cause first: errors, then what follows from them, then the rest as it is less bad. */
    public static List<DoctorFinding> examine(Watch watch) {
        List<DoctorFinding> found = new ArrayList<>();
        Map<String, String> notRead = new TreeMap<>(watch.before().notRead());
        notRead.putAll(watch.after().notRead());
        notRead.forEach((what, why) ->
                found.add(DoctorFinding.warning(Check.COUNTERS, what, "not read: " + what + ": " + why)));
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
        Map<Check, Errors> errors = new EnumMap<>(Check.class);
        found.stream()
                .filter(DoctorFinding::isError)
                .forEach(error -> errors.computeIfAbsent(error.check(), check -> new Errors())
                        .add(error));
        List<DoctorFinding> judged = new ArrayList<>();
        for (DoctorFinding finding : found) {
            boolean amiss = finding.isError() || finding.severity() == DoctorFinding.Severity.WARNING;
            judged.add(
                    amiss
                            ? finding.check().causes().stream()
                                    .filter(cause -> errors.containsKey(cause)
                                            && errors.get(cause).concern(finding))
                                    .findFirst()
                                    .map(finding::following)
                                    .orElse(finding)
                            : finding);
        }
        judged.replaceAll(finding -> finding.within(watch.after().netns()));
        judged.sort(Comparator.comparing(Doctor::rank).thenComparing(DoctorFinding::check));
        return judged;
    }

    /** The errors of one check. What is wrong with one peer does not explain what is wrong with another. */
    static final class Errors {
        private static final Pattern PEERS = Pattern.compile("[0-9a-fA-F.:, ]*[.:][0-9a-fA-F.:, ]*");

        private final Set<String> peers = new HashSet<>();
        private boolean ofAll;

        void add(DoctorFinding error) {
            if (PEERS.matcher(error.subject()).matches()) {
                peers.addAll(List.of(error.subject().split(", ")));
            } else {
                ofAll = true;
            }
        }

        /** Whether one of them and this finding can be about the same packets. */
        boolean concern(DoctorFinding effect) {
            return ofAll
                    || !PEERS.matcher(effect.subject()).matches()
                    || Stream.of(effect.subject().split(", ")).anyMatch(peers::contains);
        }
    }

    private static int rank(DoctorFinding finding) {
        return finding.isError()
                ? 0
                : finding.followsFrom() != null ? 1 : 1 + finding.severity().ordinal();
    }
}
