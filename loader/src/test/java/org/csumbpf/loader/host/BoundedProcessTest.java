// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BoundedProcessTest {
    private static BoundedProcess.ProcessResult shell(String script, long millis) throws Exception {
        return BoundedProcess.run(List.of("sh", "-c", script), Duration.ofMillis(millis));
    }

    @Test
    void itsOutputAndErrorsComeBack() throws Exception {
        assertThat(shell("echo one; echo two >&2", 30_000))
                .isEqualTo(new BoundedProcess.ProcessResult(true, 0, "one\ntwo\n"));
    }

    @Test
    void moreOutputThanAPipeHoldsStopsNobody() throws Exception {
        BoundedProcess.ProcessResult outcome = shell("head -c 300000 /dev/zero | tr '\\0' x", 30_000);
        assertThat(outcome.ended()).isTrue();
        assertThat(outcome.output()).hasSize(300_000);
    }

    @Test
    void whatDoesNotEndIsKilledWithItsChildren() throws Exception {
        // The child ignores the signals that can be ignored, and holds the output open, as its parent does.
        BoundedProcess.ProcessResult outcome =
                shell("(trap '' TERM HUP; echo $$; exec sleep 987) & echo $!; wait", 500);
        assertThat(outcome.ended()).isFalse();
        List<Long> pids = outcome.output().lines().map(Long::parseLong).toList();
        assertThat(pids).hasSize(2);
        for (long pid : pids) {
            Optional<ProcessHandle> process = ProcessHandle.of(pid);
            for (int i = 0; i < 500 && process.filter(ProcessHandle::isAlive).isPresent(); i++) {
                Thread.sleep(10);
            }
            assertThat(process.filter(ProcessHandle::isAlive)).isEmpty();
        }
    }

    @Test
    void aChildThatKeepsTheOutputOpenIsNotWaitedFor() throws Exception {
        long start = System.nanoTime();
        BoundedProcess.ProcessResult outcome = shell("echo done; sleep 8 & exit 0", 30_000);
        assertThat(outcome).isEqualTo(new BoundedProcess.ProcessResult(true, 0, "done\n"));
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(6));
    }
}
