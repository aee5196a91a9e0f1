// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.concurrent.locks.LockSupport;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.NamespaceSearch;

/** Whether anything is still in force of an attachment whose network namespace was not found. */
public final class UnreachableAttachment {
    private static final int ATTEMPTS = 100;
    private static final long PAUSE_NANOS = 10_000_000;

    private UnreachableAttachment() {}

    /**
     * Whether the namespace is known to be gone. That is so if the kernel detached the program on the loopback device,
     * which ends only with its namespace; or if it detached the program on the attachment's device, and a complete
     * search found nothing that holds the namespace. Reads only.
     */
    static boolean namespaceGone(PinDirectory pins, NamespaceSearch.SearchResult search) {
        return isOff(pins, PinDirectory.LOOPBACK_LINK) || search.complete() && isOff(pins, PinDirectory.LINK);
    }

    /** Whether the link exists and its device does not. */
    private static boolean isOff(PinDirectory pins, String link) {
        try (TcxLink opened = TcxLink.fromPin(pins.pin(link))) {
            return opened.info().ifindex() == 0;
        } catch (KernelException e) {
            if (e.errno() == Errno.ENOENT) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Whether the kernel still runs the program somewhere. For a filter the pin is removed, and made again if the
     * program goes on: only a device can hold it then.
     */
    public static boolean stillRuns(PinDirectory pins) {
        if (pins.has(PinDirectory.LINK)) {
            return !isOff(pins, PinDirectory.LINK);
        }
        if (!pins.has(PinDirectory.PROGRAM)) {
            return false;
        }
        int id;
        try (BpfProgram program = BpfProgram.fromPin(pins.pin(PinDirectory.PROGRAM))) {
            id = program.info().id();
        }
        pins.remove(PinDirectory.PROGRAM);
        // The kernel frees a program a little after its last reference is gone.
        for (int i = 0; i < ATTEMPTS && exists(id); i++) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return BpfProgram.fromId(id)
                .map(program -> {
                    try (program) {
                        pins.replace(PinDirectory.PROGRAM, program::pin);
                        return true;
                    }
                })
                .orElse(false);
    }

    private static boolean exists(int id) {
        return BpfProgram.fromId(id)
                .map(program -> {
                    program.close();
                    return true;
                })
                .orElse(false);
    }
}
