// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.csumbpf.pin.Selection;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A process that fails ends, and its exit code says so; otherwise systemd would not start it again. */
class ServeExitTest {
    private static final int OWN_CODE = 7;

    /** The process: serves, and fails while it does. */
    public static final class Failing {
        private Failing() {}

        public static void main(String[] arguments) {
            try {
                Serve.run(
                        new Serve.Options(
                                Selection.ALL,
                                ListenAddress.parse("127.0.0.1:0"),
                                1,
                                0,
                                ServeLog.Format.TEXT,
                                Optional.empty(),
                                "test"),
                        System.err,
                        service -> {
                            if (arguments[0].equals("error")) {
                                throw new StackOverflowError();
                            }
                            throw new IllegalStateException("fails");
                        });
            } catch (IllegalStateException e) {
                System.exit(OWN_CODE);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"exception, 7", "error, 1"})
    @Timeout(60)
    void aFailureIsNoSuccess(String how, int code) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Failing.class.getName(),
                        how)
                .redirectErrorStream(true)
                .start();
        String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(log).isEqualTo(code);
        assertThat(log).contains("serving").doesNotContain("stopped");
    }
}
