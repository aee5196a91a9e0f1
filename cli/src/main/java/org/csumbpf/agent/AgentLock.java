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

    /** @throws AttachException another agent runs */
    public static HostLock acquire(NetworkNamespace netns) {
        try {
            return HostLock.acquire(Path.of("/run/csumbpf-agent-" + netns.inode()), Duration.ZERO);
        } catch (LockTimeoutException e) {
            throw new AttachException(
                    AttachException.Kind.BUSY,
                    "start failed: another csumbpf agent runs in this network namespace",
                    "see 'systemctl status csumbpf', or 'fuser -v /run/csumbpf-agent-" + netns.inode() + "/lock'");
        }
    }
}
