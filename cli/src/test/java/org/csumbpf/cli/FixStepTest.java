// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.csumbpf.doctor.Check;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.doctor.DoctorFinding.Severity;
import org.csumbpf.snapshot.Fix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FixStepTest {
    private static DoctorFinding finding(Check check, Severity severity, Check cause, Fix fix) {
        return new DoctorFinding(check, severity, "eth0", "seen", "meant", List.of("x"), cause, fix);
    }

    /** A namespace that does not exist makes it fail without root. */
    private static final DoctorFinding FAILS =
            finding(Check.BACKSTOP_LOST, Severity.ERROR, null, new Fix.Restore("no\nsuch", "eth0"));

    @ParameterizedTest
    @ValueSource(ints = {4789, 7789})
    void asksForWhatAttachAsksFor(int port) {
        String[] words = {"attach", "eth0", "--port", Integer.toString(port)};
        AttachCommand attach = (AttachCommand) Main.commandLine(words)
                .parseArgs(words)
                .subcommand()
                .commandSpec()
                .userObject();
        attach.checkUsage();
        assertThat(FixStep.asked(new Fix.Attach("", "eth0", port))).isEqualTo(attach.desired());
    }

    @Test
    void eachFixIsTriedOnce() {
        Fix fix = new Fix.Restore("", "eth0");
        DoctorFinding lost = finding(Check.ATTACHMENT_LOST, Severity.ERROR, null, fix);
        assertThat(FixStep.due(List.of(
                        lost,
                        finding(Check.BACKSTOP_LOST, Severity.ERROR, null, fix),
                        finding(Check.ESP_BLOCKED, Severity.ERROR, null, null),
                        finding(Check.NAT_CHECKSUM, Severity.WARNING, Check.ATTACHMENT_LOST, new Fix.LoadModule("x")),
                        finding(Check.SA_MISSING, Severity.OK, null, new Fix.LoadModule("x")))))
                .containsExactly(lost);
    }

    @Test
    void aFailureIsAResultInOneLine() {
        FixStep step = FixStep.attempt(FAILS);
        assertThat(step.error())
                .get()
                .asString()
                .contains("no network namespace")
                .doesNotContain("\n");
        assertThat(step.json())
                .containsEntry("id", "backstop-lost")
                .containsEntry("subject", "eth0")
                .containsEntry("outcome", "failed")
                .containsEntry("command", List.of("csumbpf", "--netns", "no\nsuch", "restore", "eth0"));
    }

    @Test
    void aBundleIsNotFixed() {
        Ran ran = Ran.of("doctor", "--fix", "--from", "/nosuch");
        assertThat(ran.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(ran.err()).contains("--fix and --from exclude each other");
    }
}
