// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Pings ten times a second in the background. */
public final class Pings implements AutoCloseable {
    public static final int INTERVAL_MILLIS = 100;

    private static final Pattern RESULT = Pattern.compile("(\\d+) packets transmitted, (\\d+) received");
    private static final String SIGINT = "2";

    private final Process process;

    /**
     * What became of the pings.
     *
     * @param sent requests
     * @param lost requests without an answer
     */
    public record Result(int sent, int lost) {}

    public Pings(Host from, String to) {
        this(from, to, 56);
    }

    /** @param size of ICMP's data, bytes */
    public Pings(Host from, String to, int size) {
        try {
            process = new ProcessBuilder(from.in("ping", "-q", "-n", "-i", "0.1", "-s", Integer.toString(size), to))
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits for the answers that are still on their way. */
    public Result end() {
        try {
            Limit.pause(1000);
            Shell.run("kill", "-" + SIGINT, Long.toString(process.pid())).ok();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            Matcher result = RESULT.matcher(out);
            if (!result.find()) {
                throw new AssertionError("ping has no result: " + out);
            }
            // The last one may have been sent just before the end.
            int sent = Integer.parseInt(result.group(1));
            int received = Integer.parseInt(result.group(2));
            return new Result(sent, Math.max(0, sent - received - 1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.destroy();
    }
}
