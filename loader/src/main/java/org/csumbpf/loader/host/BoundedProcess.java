// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a program with a time limit, after which the program and the processes that it started are killed. */
final class BoundedProcess {
    private static final long DRAIN_MILLIS = 20;
    /** Rounds of killing, because a process may start others while it is being killed. */
    private static final int KILL_ROUNDS = 10;

    private BoundedProcess() {}

    /**
     * What a program did.
     *
     * @param ended false: the program was killed
     * @param code its exit code; -1: it was killed
     * @param output what the program wrote to standard output and error
     */
    record ProcessResult(boolean ended, int code, String output) {}

    /**
     * Waits for the program, not for the end of its output: a process that it leaves behind may hold the output open.
     *
     * @throws IOException the program cannot be started
     */
    static ProcessResult run(List<String> command, Duration timeout) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        // Set by the launcher for a libnftables of our own; the host's iptables-save has other extensions.
        builder.environment().remove("XTABLES_LIBDIR");
        Process process = NetworkNamespace.start(builder);
        try {
            process.getOutputStream().close();
            long deadline = System.nanoTime() + timeout.toNanos();
            ByteArrayOutputStream output = new ByteArrayOutputStream();
            boolean ended = false;
            while (!ended && System.nanoTime() < deadline) {
                ended = process.waitFor(DRAIN_MILLIS, TimeUnit.MILLISECONDS);
                drain(process.getInputStream(), output);
            }
            return new ProcessResult(ended, ended ? process.exitValue() : -1, output.toString(StandardCharsets.UTF_8));
        } finally {
            kill(process);
        }
    }

    /** Reads what is available. The program would block on a full pipe. */
    private static void drain(InputStream input, ByteArrayOutputStream output) throws IOException {
        for (int available = input.available(); available > 0; available = input.available()) {
            output.writeBytes(input.readNBytes(available));
        }
    }

    private static void kill(Process process) throws IOException {
        if (process.isAlive()) {
            for (int i = 0; i < KILL_ROUNDS && process.descendants().findAny().isPresent(); i++) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
            }
            process.destroyForcibly();
        }
        process.getInputStream().close();
    }
}
