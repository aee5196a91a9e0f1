// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.csumbpf.pin.AttachException;
import org.junit.jupiter.api.Test;

/** The message lists the problems of all first, then what to do about each. */
class PartialFailureExceptionTest {
    @Test
    void nothingFailed() {
        assertThat(PartialFailureException.of(List.of(result("w0", null)))).isNull();
    }

    @Test
    void oneFailed() {
        PartialFailureException one =
                PartialFailureException.of(List.of(result("w0", null), result("n/w1", failure("bad", "run 'x'"))));
        assertThat(one.problem()).isEqualTo("n/w1: bad");
        assertThat(one.next()).isEqualTo("run 'x'");
        assertThat(one).hasMessage("n/w1: bad; run 'x'");
    }

    @Test
    void oneFailedAndNobodyKnowsWhatToDo() {
        assertThat(PartialFailureException.of(List.of(result("w1", new IllegalStateException("bad"))))
                        .next())
                .isNull();
    }

    @Test
    void severalFailedFromOneCause() {
        PartialFailureException both = PartialFailureException.of(
                List.of(result("w0", failure("bad", "run 'x'")), result("w1", failure("worse", "run 'x'"))));
        assertThat(both.problem()).isEqualTo("w0: bad; w1: worse");
        assertThat(both.next()).isEqualTo("run 'x'");
    }

    @Test
    void severalFailedAndEachIsRepairedInItsOwnWay() {
        PartialFailureException all = PartialFailureException.of(List.of(
                result("w0", failure("bad", "run 'x'")),
                result("w1", failure("worse", "run 'y'")),
                result("w2", failure("bad", "run 'x'")),
                result("w3", failure("odd", null))));
        assertThat(all.problem()).isEqualTo("w0: bad; w1: worse; w2: bad; w3: odd");
        assertThat(all.next()).isEqualTo("w0, w2: run 'x'; w1: run 'y'");
    }

    @Test
    void stepsOfOne() {
        PartialFailureException steps = PartialFailureException.ofSteps(
                List.of(failure("bad", "run 'x'"), new IllegalStateException("odd"), failure("worse", "run 'x'")),
                "csumbpf detach w1");
        assertThat(steps.problem()).isEqualTo("bad; odd; worse; what is not undone stays recorded");
        assertThat(steps.next()).isEqualTo("run 'x'; run 'csumbpf detach w1' again");
        assertThat(PartialFailureException.of(List.of(result("n/w1", steps))).next())
                .isEqualTo(steps.next());
    }

    private static RuntimeException failure(String problem, String next) {
        return new AttachException(AttachException.Kind.KERNEL_REFUSED, problem, next);
    }

    private static AttachmentResult result(String label, RuntimeException failure) {
        return new AttachmentResult(label, new Result(), Optional.ofNullable(failure));
    }
}
