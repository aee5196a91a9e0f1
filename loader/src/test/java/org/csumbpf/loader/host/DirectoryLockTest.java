// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryLockTest {
    @TempDir
    Path temp;

    @Test
    void aSecondOneWaitsAndThenSaysWhatToDo() {
        Path directory = temp.resolve("a/b");
        try (DirectoryLock held = DirectoryLock.acquire(directory, Duration.ofSeconds(1))) {
            assertThat(held).isNotNull();
            assertThatThrownBy(() -> DirectoryLock.acquire(directory, Duration.ofMillis(50)))
                    .isInstanceOf(LockTimeoutException.class)
                    .hasMessageContaining("fuser");
        }
        DirectoryLock.acquire(directory, Duration.ofMillis(50)).close();
    }

    @Test
    void oneAtATimeAlsoWhereEachRemovesTheDirectory() throws Exception {
        Path directory = temp.resolve("lock");
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Queue<Exception> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 200; i++) {
                    try (DirectoryLock lock = DirectoryLock.acquire(directory, Duration.ofSeconds(20))) {
                        most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                        Thread.yield();
                        inside.decrementAndGet();
                        Files.delete(directory); // from here on another thread may hold a lock
                    } catch (Exception e) {
                        failures.add(e);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        assertThat(most.get()).isEqualTo(1);
    }
}
