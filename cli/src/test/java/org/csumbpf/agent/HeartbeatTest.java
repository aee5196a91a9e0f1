// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeartbeatTest {
    private static final long NOW = 5_000_000_000_000L;

    @TempDir
    private Path directory;

    @Test
    void anAgentIsSeenForTwoMinutes() throws IOException {
        assertThat(Heartbeat.seen(directory, NOW)).isEmpty();
        new Heartbeat(directory).beat(NOW);
        assertThat(Heartbeat.seen(directory, NOW + 3_000_000_000L)).contains(Duration.ofSeconds(3));
        assertThat(Heartbeat.seen(directory, NOW + Heartbeat.LIMIT.toNanos())).contains(Heartbeat.LIMIT);
        assertThat(Heartbeat.seen(directory, NOW + Heartbeat.LIMIT.toNanos() + 1))
                .isEmpty();
    }

    /** After a reboot CLOCK_MONOTONIC begins anew, and a file that outlived it is of another agent. */
    @Test
    void whatIsInTheFutureIsOfNoAgent() throws IOException {
        new Heartbeat(directory).beat(NOW);
        assertThat(Heartbeat.seen(directory, NOW - 1)).isEmpty();
    }

    @Test
    void whatNoAgentHasWrittenIsOfNoAgent() throws IOException {
        for (String text : new String[] {"", "now", "-1", "9".repeat(30), "5 "}) {
            Files.writeString(directory.resolve("alive"), text);
            assertThat(Heartbeat.seen(directory, NOW)).as(text).isEmpty();
        }
        Files.delete(directory.resolve("alive"));
        Files.createDirectory(directory.resolve("alive"));
        assertThat(Heartbeat.seen(directory, NOW)).isEmpty();
    }

    /** A disk that stays full is said once, not every three seconds. */
    @Test
    void saysOnceThatItCannotBeWritten() throws IOException {
        Heartbeat heartbeat = new Heartbeat(directory.resolve("absent"));
        assertThatThrownBy(() -> heartbeat.beat(NOW)).isInstanceOf(IOException.class);
        heartbeat.beat(NOW);
        Files.createDirectory(directory.resolve("absent"));
        heartbeat.beat(NOW);
        assertThat(Heartbeat.seen(directory.resolve("absent"), NOW)).contains(Duration.ZERO);
    }
}
