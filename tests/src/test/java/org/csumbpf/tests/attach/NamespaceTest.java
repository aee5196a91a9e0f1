// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** No thread stays in a namespace in which a command worked, because it would keep a deleted namespace alive. */
@Tag("root")
class NamespaceTest {
    @Test
    void noThreadStaysInANamespaceThatACommandWorkedIn() throws Exception {
        try (Lab lab = new Lab()) {
            List<String> before = descriptors();
            for (List<String> command : List.of(
                    List.of("attach", "w1", "--unverified"),
                    List.of("vni", "add", "w1", "4109", "--unverified"),
                    List.of("attach", "w3"), // tries to load modules
                    List.of("status"),
                    List.of("stats", "--peers"),
                    List.of("detach", "--all"))) {
                Shell.here(Shell.join(new String[] {"--netns", lab.name}, command.toArray(String[]::new)));
            }
            // A joined thread still exists for a moment.
            Limit.await(
                    "end of the threads in another namespace",
                    Limit.seconds(10),
                    NamespaceTest::threadsElsewhere,
                    List::isEmpty);
            assertThat(descriptors()).as("descriptors that hold a namespace").isEqualTo(before);
        }
    }

    private static List<String> descriptors() throws IOException {
        List<String> descriptors = new ArrayList<>();
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : all.toList()) {
                try {
                    String target = Files.readSymbolicLink(descriptor).toString();
                    if (target.matches("(net:|socket:|anon_inode:bpf|/run/netns/|/proc/.*/ns/).*")) {
                        descriptors.add(target);
                    }
                } catch (NoSuchFileException e) {
                    // The descriptor of the listing itself.
                }
            }
        }
        return descriptors.stream().sorted().toList();
    }

    /** Names of this process's threads that are in another namespace than the process. */
    private static List<String> threadsElsewhere() {
        List<String> elsewhere = new ArrayList<>();
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
            for (Path thread : threads.toList()) {
                try {
                    if (!Files.readSymbolicLink(thread.resolve("ns/net")).equals(own)) {
                        elsewhere.add(Files.readString(thread.resolve("comm")).strip());
                    }
                } catch (NoSuchFileException e) {
                    // The thread has ended.
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return elsewhere;
    }
}
