// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetworkNamespace;

/**
 * Tells other processes that an agent works, where no systemd watches it: every few seconds it writes the time into a
 * file beside its lock. The lock alone would not do, because a process whose main thread hangs still holds it; nor the
 * file alone, which stays when the agent is killed.
 */
public final class Heartbeat {
    /** An agent that has not been seen for longer hangs: as WatchdogSec of the unit, because a round may wait for a lock. */
    public static final Duration LIMIT = Duration.ofMinutes(2);

    private static final String FILE = "alive";
    /** A decimal number of 64 bits. */
    private static final int LIMIT_BYTES = 20;

    private final Path file;
    private boolean failed;

    Heartbeat(Path directory) {
        this.file = directory.resolve(FILE);
    }

    /**
     * @param now CLOCK_MONOTONIC, nanoseconds
     * @throws IOException the first time that the file cannot be written
     */
    void beat(long now) throws IOException {
        try {
            // Moved into place, because somebody may read meanwhile.
            Path written = Files.writeString(file.resolveSibling(FILE + ".new"), Long.toString(now));
            Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
            failed = false;
        } catch (IOException e) {
            if (!failed) {
                failed = true;
                throw e;
            }
        }
    }

    /** How long ago the agent of a network namespace did its work; empty: none runs, or it hangs. */
    public static Optional<Duration> seen(NetworkNamespace netns) {
        return AgentLock.isHeld(netns)
                ? seen(AgentLock.directory(netns.inode()), MonotonicClock.nanos())
                : Optional.empty();
    }

    /**
     * How long ago a file in the directory was written; empty: there is none, or that is too long ago for an agent that
     * works.
     *
     * @param now CLOCK_MONOTONIC, nanoseconds
     */
    static Optional<Duration> seen(Path directory, long now) {
        Path file = directory.resolve(FILE);
        try {
            if (!Files.isRegularFile(file) || Files.size(file) > LIMIT_BYTES) {
                return Optional.empty();
            }
            long ago = now - Long.parseLong(Files.readString(file));
            return ago >= 0 && ago <= LIMIT.toNanos() ? Optional.of(Duration.ofNanos(ago)) : Optional.empty();
        } catch (IOException | NumberFormatException e) {
            return Optional.empty(); // no agent has written this
        }
    }
}
