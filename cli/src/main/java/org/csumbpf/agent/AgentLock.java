// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.LockTimeoutException;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.PrivateDirectory;
import org.csumbpf.pin.AttachException;

/** One agent at a time in a network namespace. The lock ends with the process. */
public final class AgentLock {
    /** The unit's RuntimeDirectory: the rest of /run may be read-only to it. */
    private static final Path RUNTIME = Path.of("/run/csumbpf");

    /** isHeld() of another process may have it meanwhile. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private AgentLock() {}

    /** Where the agent of a network namespace keeps its files. Only root may enter. */
    public static Path directory(long netns) {
        return RUNTIME.resolve("agent-" + netns);
    }

    /** Whether an agent runs in a network namespace; it may hang. */
    static boolean isHeld(NetworkNamespace netns) {
        return HostLock.isHeld(directory(netns.inode()));
    }

    /** @throws AttachException another agent runs */
    public static HostLock acquire(NetworkNamespace netns) {
        try {
            return acquire(netns, PATIENCE);
        } catch (LockTimeoutException e) {
            throw new AttachException(
                    AttachException.Kind.BUSY,
                    "start failed: another csumbpf agent runs in this network namespace",
                    "see 'systemctl status csumbpf', or 'fuser -v " + directory(netns.inode()) + "/lock'");
        }
    }

    /**
     * Waits as long as another agent runs.
     *
     * @param waiting called once a second meanwhile
     */
    public static HostLock await(NetworkNamespace netns, Runnable waiting) {
        while (true) {
            try {
                return acquire(netns, Duration.ZERO);
            } catch (LockTimeoutException e) {
                waiting.run();
            }
            try {
                TimeUnit.SECONDS.sleep(1);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
    }

    private static HostLock acquire(NetworkNamespace netns, Duration patience) {
        PrivateDirectory.ensure(RUNTIME);
        return HostLock.acquire(directory(netns.inode()), patience);
    }
}
