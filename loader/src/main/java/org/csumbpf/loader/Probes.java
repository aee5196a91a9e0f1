// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/** Probes of kernel features, made only to explain a failure. */
public final class Probes {
    private static final int LOOPBACK_IFINDEX = 1;

    private Probes() {}

    /** tcx, from kernel 6.6 on. Queries the programs of the loopback device, which every namespace has. */
    public static ProbeResult tcx() {
        try {
            TcxLink.query(LOOPBACK_IFINDEX);
            return ProbeResult.SUPPORTED;
        } catch (KernelException e) {
            return e.errno() == Errno.EINVAL ? ProbeResult.UNSUPPORTED : ProbeResult.COULD_NOT_PROBE;
        }
    }
}
