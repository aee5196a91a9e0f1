// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Each step of each command fails once, and the command is killed before it. Each time packets must be treated as
 * before or as asked, status must be right, the same command must succeed afterwards, and detach must leave nothing.
 *
 * <p>{@code -Dcsumbpf.faults=all} harms every step (hours), a number harms that many of each situation (default: 2).
 * {@code -Dcsumbpf.faults.only=} is a pattern for names of situations.
 */
@Tag("root")
class FaultTest {
    private static final String FEW = "2";
    private static final int HOURS = 6;

    @Test
    void nothingIsLostWhereverACommandFailsOrIsKilled() throws Exception {
        String asked = System.getProperty("csumbpf.faults", FEW);
        String limit = asked.equals("all") ? "0" : asked;
        Path target = Files.createDirectories(Shell.CHECKOUT.resolve("tests/target"));
        Path inject = target.resolve("inject");
        Shell.run(
                        "gcc",
                        "-O2",
                        "-Wall",
                        "-Werror",
                        "-o",
                        inject.toString(),
                        Shell.CHECKOUT.resolve("tests/faults/inject.c").toString())
                .ok();
        int worlds = Math.max(1, Math.min(4, Runtime.getRuntime().availableProcessors()));
        long began = System.nanoTime();
        List<CompletableFuture<Shell.Result>> running = new ArrayList<>();
        for (int i = 0; i < worlds; i++) {
            String java = Shell.line(
                    Path.of(System.getProperty("java.home"), "bin/java").toString(),
                    "-XX:-UsePerfData",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dcsumbpf.checkout=" + Shell.CHECKOUT,
                    "-cp",
                    System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                    FaultRun.class.getName(),
                    inject.toString(),
                    limit,
                    Integer.toString(i),
                    Integer.toString(worlds),
                    System.getProperty("csumbpf.faults.only", ".*"));
            // Unmounts the host's bpffs below the world's own, because a situation unmounts the latter. There are no
            // modules, so that none is loaded or unloaded. The output can be watched in target/faults.N.
            String script =
                    "while umount /sys/fs/bpf 2>/dev/null; do :; done; mount -t bpf bpf /sys/fs/bpf\n[ ! -d /lib/modules ] || mount -t tmpfs none /lib/modules\n"
                            + java + " 2>&1 | tee "
                            + Shell.line(target.resolve("faults." + i).toString()) + "\n";
            running.add(CompletableFuture.supplyAsync(() -> PrivateWorld.run(HOURS * 3600, script)));
        }
        List<String> lost = new ArrayList<>();
        int[] sums = new int[5];
        for (CompletableFuture<Shell.Result> world : running) {
            Shell.Result result = world.get();
            System.out.print(result.out());
            assertThat(result.out()).as(result.err()).contains("\ndone: ");
            for (String line : result.out().lines().toList()) {
                if (line.startsWith("lost: ")) {
                    lost.add(line);
                } else if (line.startsWith("done: ")) {
                    String[] words = line.split(" ");
                    for (int i = 0; i < sums.length; i++) {
                        sums[i] += Integer.parseInt(words[i + 1]);
                    }
                }
            }
        }
        System.out.printf(
                "faults: %d situations of %d steps, %d failures, %d kills, %d not at the step that was meant, in %d s; lost: %s%n",
                sums[0],
                sums[1],
                sums[2],
                sums[3],
                sums[4],
                (System.nanoTime() - began) / 1_000_000_000,
                lost.isEmpty() ? "nothing" : lost.size());
        assertThat(lost).isEmpty();
        assertThat(sums[2]).as("failures").isPositive();
        assertThat(sums[3]).as("kills").isPositive();
        assertThat(sums[4])
                .as("did not come to the step that was to be harmed")
                .isLessThanOrEqualTo((sums[2] + sums[3]) / 10);
    }
}
