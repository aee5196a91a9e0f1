// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** What a failed test leaves. JUnit runs some that fail, with real namespaces. */
@Tag("root")
class FailedCaseTest {
    private static final String RULESET = "table ip of_the_failed_case";
    private static String labName;

    @TempDir
    private Path folder;

    /** Only this test runs these: Surefire skips nested classes, and guests run another package. */
    static class Body {
        @Test
        void fails() {
            try (Lab lab = new Lab(false)) {
                prepared(lab);
                throw new AssertionError("wrong on purpose");
            }
        }

        @Test
        void passes() {
            try (Lab lab = new Lab(false)) {
                prepared(lab);
            }
        }

        @Test
        @Timeout(value = 3, unit = TimeUnit.SECONDS)
        void hangs() {
            try (Lab lab = new Lab(false)) {
                prepared(lab);
                lab.run("sleep", "1000");
            }
        }
    }

    static class Field {
        private Lab lab;

        @BeforeEach
        void open() {
            lab = new Lab(false);
        }

        @AfterEach
        void close() {
            lab.close();
        }

        @Test
        void fails() {
            prepared(lab);
            throw new AssertionError("wrong on purpose");
        }
    }

    static class Early {
        @BeforeEach
        void open() {
            prepared(new Lab(false));
            throw new AssertionError("wrong on purpose");
        }

        @AfterEach
        void close() {
            Lab.ip("netns", "del", labName);
        }

        @Test
        void never() {}
    }

    private static void prepared(Lab lab) {
        labName = lab.name;
        lab.run("nft", "add", RULESET.split(" ")[0], RULESET.split(" ")[1], RULESET.split(" ")[2])
                .ok();
        Shell.run("sh", "-c", "echo said by the case; exit 3");
    }

    @Test
    void aLabThatTheTestsBodyCloses() throws IOException {
        TestExecutionSummary summary = run(Body.class);
        assertThat(summary.getTestsFailedCount()).isEqualTo(2);
        assertThat(summary.getTestsSucceededCount()).isEqualTo(1);
        assertLeft("Body.fails", "wrong on purpose");
        assertLeft("Body.hangs", "TimeoutException");
        assertThat(Files.readString(folder.resolve("Body.hangs/output.txt"))).contains("sleep 1000\n[did not end, ");
        assertThat(folder.resolve("Body.passes")).doesNotExist();
        assertNothingIsThereAnyMore();
    }

    @Test
    void aLabThatIsClosedAfterEachTest() throws IOException {
        assertThat(run(Field.class).getTestsFailedCount()).isEqualTo(1);
        assertLeft("Field.fails", "wrong on purpose");
        assertNothingIsThereAnyMore();
    }

    @Test
    void whatFailsBeforeTheTest() throws IOException {
        assertThat(run(Early.class).getTestsFailedCount()).isEqualTo(1);
        assertLeft("Early.never", "wrong on purpose");
        assertNothingIsThereAnyMore();
    }

    private TestExecutionSummary run(Class<?> test) {
        SummaryGeneratingListener listener = new SummaryGeneratingListener();
        LauncherFactory.create()
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(selectClass(test))
                                .configurationParameter("csumbpf.failed.folder", folder.toString())
                                .build(),
                        listener);
        return listener.getSummary();
    }

    private void assertLeft(String name, String failure) throws IOException {
        Path left = folder.resolve(name);
        assertThat(Files.readString(left.resolve("failure.txt"))).contains(failure);
        assertThat(Files.readString(left.resolve("output.txt"))).contains("said by the case\n[exit code 3, ");
        assertThat(Files.readString(left.resolve("kernel.txt"))).isNotBlank();
        List<Path> namespaces;
        try (var files = Files.list(left)) {
            namespaces = files.filter(Files::isDirectory)
                    .filter(directory -> read(directory, "ruleset.txt").contains(RULESET))
                    .toList();
        }
        assertThat(namespaces).as("namespaces of the case in %s", left).hasSize(1);
        Path lab = namespaces.get(0);
        assertThat(Host.parse(read(lab, "status.json")).get("attachments")).isEmpty();
        assertThat(read(lab, "counters.txt")).contains("UdpInCsumErrors");
        assertThat(read(lab, "links.txt")).contains("w1@w0").contains("RX:");
        assertThat(read(lab, "filters.txt")).contains("w1:");
        assertThat(read(lab, "xfrm_stat.txt")).contains("XfrmInNoStates");
        assertThat(read(lab, "sockets.txt")).contains("State");
        for (String file : List.of("xfrm-state.txt", "xfrm-policy.txt", "neighbours.txt")) {
            assertThat(read(lab, file)).as(file).doesNotContain("exit code");
        }
    }

    private static String read(Path folder, String file) {
        try {
            return Files.readString(folder.resolve(file));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void assertNothingIsThereAnyMore() {
        assertThat(Path.of("/run/netns", labName)).doesNotExist();
    }
}
