// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.time.Instant;
import java.util.List;

/**
 * What the doctor found at a time.
 *
 * @param findings as {@link Doctor#examine} orders them
 * @param ended when the watch ended
 */
public record Examination(List<DoctorFinding> findings, Instant ended) {
    public Examination {
        findings = List.copyOf(findings);
    }
}
