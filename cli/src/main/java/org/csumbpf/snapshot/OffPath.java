// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.Optional;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.Evidence;

/**
 * Tells from two pieces of evidence whether decrypted packets die although csumbpf is there: the host drops UDP datagrams for
 * their checksum, which neither path has seen.
 */
public final class OffPath {
    /** A few wrong checksums come from anywhere. */
    private static final long ERRORS_MIN = 5;
    /** One error in so many repaired packets is no path that is not covered. */
    private static final long REPAIRED_PER_ERROR = 100;

    /** What a one-shot command can compare with. */
    public static final String SINCE_RULES = "since the rules last changed";

    private OffPath() {}

    /**
     * Before the attachment has counted anything.
     *
     * @param port of its VXLAN, in host order
     */
    public static Evidence evidence(NetStatistics statistics, int port) {
        return new Evidence(
                statistics.udpChecksumErrors(port),
                statistics.ipv4().reassembled() + statistics.ipv6().reassembled(),
                0,
                0,
                0);
    }

    /**
     * What is amiss, in words for the user; empty: nothing that can be seen.
     *
     * @param since what came in the time that is looked at, in one network namespace
     * @param port of VXLAN, in host order
     * @param time that time, in words: "since …"
     */
    public static Optional<String> judge(Evidence since, int port, String time) {
        long unexplained = since.checksumErrors() - since.left();
        if (unexplained < ERRORS_MIN || unexplained * REPAIRED_PER_ERROR <= since.repaired()) {
            return Optional.empty();
        }
        String fragments = since.reassembled() > 0 && since.esp() > 0
                ? ", and " + since.reassembled() + " datagrams came in fragments"
                : "";
        return Optional.of("still broken: the host dropped " + since.checksumErrors()
                + " UDP datagrams on port " + port + " for their checksum " + time + ", while " + since.repaired()
                + " packets were repaired" + fragments
                + ": decrypted packets come by a way that is not covered, or with a VNI that has no rule"
                + " (see 'path' and 'rule', and 'nstat -az UdpInCsumErrors')");
    }
}
