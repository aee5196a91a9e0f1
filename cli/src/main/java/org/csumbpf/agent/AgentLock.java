// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.nio.file.Path;
import java.time.Duration;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.LockTimeoutException;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.pin.AttachException;

/** One agent at a time in a network namespace. The lock ends with the process. */
public final class AgentLock {
    private AgentLock() {}

    /** Where the agent of a network namespace keeps its files. Only root may enter. */
    public static Path directory(long netns) {
        return Path.of("/run/csumbpf-agent-" + netns);
    }

    /** @throws AttachException another agent runs */
    public static HostLock acquire(NetworkNamespace netns) {
        try {
            return HostLock.acquire(directory(netns.inode()), Duration.ZERO);
        } catch (LockTimeoutException e) {
            throw new AttachException(
                    AttachException.Kind.BUSY,
                    "start failed: another csumbpf agent runs in this network namespace",
                    "see 'systemctl status csumbpf', or 'fuser -v " + directory(netns.inode()) + "/lock'");
        }
    }
}
