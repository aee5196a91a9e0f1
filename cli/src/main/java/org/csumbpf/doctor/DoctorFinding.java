// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What a check found, good or bad.
 *
 * @param check which
 * @param severity how bad it is
 * @param subject a peer, a device, a rule, a network; empty: the host
 * @param evidence what was seen, in words, with numbers
 * @param meaning what that means; empty: nothing is wrong
 * @param remedy the command that mends it, or shows more; empty: none is known
 * @param followsFrom the error that brings this one about; null: none is known
 */
public record DoctorFinding(
        Check check,
        Severity severity,
        String subject,
        String evidence,
        String meaning,
        List<String> remedy,
        Check followsFrom) {
    /** Commands that are about the host, whatever the namespace. */
    private static final Set<String> OF_THE_HOST = Set.of("docker", "modprobe", "grep");

    public DoctorFinding {
        remedy = List.copyOf(remedy);
    }

    /** How bad a finding is. */
    public enum Severity {
        /** Packets are lost, or would be. */
        ERROR,
        /** Worth mending, or not to be judged; traffic works as far as it was seen. */
        WARNING,
        /** Worth knowing. */
        INFO,
        /** Looked at and well. */
        OK;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static DoctorFinding error(Check check, String subject, String evidence, String... remedy) {
        return new DoctorFinding(check, Severity.ERROR, subject, evidence, check.meaning(), List.of(remedy), null);
    }

    static DoctorFinding warning(Check check, String subject, String evidence, String... remedy) {
        return new DoctorFinding(check, Severity.WARNING, subject, evidence, check.meaning(), List.of(remedy), null);
    }

    static DoctorFinding info(Check check, String subject, String evidence) {
        return new DoctorFinding(check, Severity.INFO, subject, evidence, "", List.of(), null);
    }

    static DoctorFinding ok(Check check, String evidence) {
        return new DoctorFinding(check, Severity.OK, "", evidence, "", List.of(), null);
    }

    DoctorFinding following(Check cause) {
        return new DoctorFinding(check, Severity.WARNING, subject, evidence, meaning, remedy, cause);
    }

    /**
     * With a remedy that works in a network namespace.
     *
     * @param netns as --netns takes it; empty: that of the caller
     */
    DoctorFinding within(String netns) {
        if (netns.isEmpty() || remedy.isEmpty() || OF_THE_HOST.contains(remedy.get(0)) || remedy.contains("--netns")) {
            return this;
        }
        List<String> command = new ArrayList<>();
        if (remedy.get(0).equals("csumbpf")) {
            command.addAll(List.of("csumbpf", "--netns", netns));
            command.addAll(remedy.subList(1, remedy.size()));
        } else {
            command.addAll(
                    netns.contains("/")
                            ? List.of("nsenter", "--net=" + netns, "--")
                            : List.of("ip", "netns", "exec", netns));
            command.addAll(remedy);
        }
        return new DoctorFinding(check, severity, subject, evidence, meaning, command, followsFrom);
    }

    boolean isError() {
        return severity == Severity.ERROR;
    }
}
