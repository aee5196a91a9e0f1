// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.maps.Peer;
import org.csumbpf.pin.AttachException;
import org.csumbpf.snapshot.Finding;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportTest {
    /** The problem and the advice are separate members of each failed attachment. */
    @Test
    void adviceStandsApart() {
        AttachmentResult failed = new AttachmentResult(
                "n/w1",
                new Result(
                        List.of(new Change(Change.Id.DETACHED, "")),
                        List.of(Finding.note(Finding.Id.LEFT_BEHIND, "v1", "left it"))),
                Optional.of(new AttachException(AttachException.Kind.KERNEL_REFUSED, "it is in use", "try again")));
        Map<String, Object> tree = JsonReport.results("detached", List.of(failed), null);
        assertThat(tree.get("detached").toString())
                .contains("interface=n/w1", "error=it is in use, next=try again", "changes=[detached]", "left it")
                .contains("done=[{id=detached, subject=null}]")
                .contains("warnings=[left it]", "warning_findings=[{id=left_behind, severity=note, subject=v1,");
    }

    @ParameterizedTest
    @CsvSource({"0, -", "0xffff, none", "0x1a, 0x001a", "0x8abc, 0x8abc"})
    void delta(String value, String text) {
        assertThat(Report.delta(new Peer(1, 100, 0, 1, 1, 0, Integer.decode(value), false)))
                .isEqualTo(text);
    }
}
