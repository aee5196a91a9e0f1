// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.List;
import java.util.Locale;
import org.csumbpf.snapshot.Fix;
import org.csumbpf.snapshot.Remedy;

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
 * @param fix what csumbpf itself may do about it; null: what is to be done is for a person
 */
public record DoctorFinding(
        Check check,
        Severity severity,
        String subject,
        String evidence,
        String meaning,
        List<String> remedy,
        Check followsFrom,
        Fix fix) {
    public DoctorFinding {
        remedy = List.copyOf(remedy);
    }

    /** One that csumbpf itself can do nothing about. */
    public DoctorFinding(
            Check check,
            Severity severity,
            String subject,
            String evidence,
            String meaning,
            List<String> remedy,
            Check followsFrom) {
        this(check, severity, subject, evidence, meaning, remedy, followsFrom, null);
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

    /** @param certain whether packets are lost, or would be; else it is a warning */
    static DoctorFinding errorIf(boolean certain, Check check, String subject, String evidence, String... remedy) {
        return certain ? error(check, subject, evidence, remedy) : warning(check, subject, evidence, remedy);
    }

    static DoctorFinding info(Check check, String subject, String evidence) {
        return new DoctorFinding(check, Severity.INFO, subject, evidence, "", List.of(), null);
    }

    static DoctorFinding ok(Check check, String evidence) {
        return new DoctorFinding(check, Severity.OK, "", evidence, "", List.of(), null);
    }

    DoctorFinding following(Check cause) {
        return new DoctorFinding(check, Severity.WARNING, subject, evidence, meaning, remedy, cause, fix);
    }

    /** @param own null: a person must mend it */
    DoctorFinding fixedBy(Fix own) {
        return new DoctorFinding(check, severity, subject, evidence, meaning, remedy, followsFrom, own);
    }

    /** Whether something is to be done about it, and not about what it follows from. */
    public boolean isToBeMended() {
        return followsFrom == null && (severity == Severity.ERROR || severity == Severity.WARNING);
    }

    /**
     * With a remedy that works in a network namespace.
     *
     * @param netns as --netns takes it; empty: that of the caller
     */
    DoctorFinding within(String netns) {
        return new DoctorFinding(
                check, severity, subject, evidence, meaning, Remedy.within(netns, remedy), followsFrom, fix);
    }

    boolean isError() {
        return severity == Severity.ERROR;
    }
}
