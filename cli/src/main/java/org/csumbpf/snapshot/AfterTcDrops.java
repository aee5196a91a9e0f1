// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.Optional;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.DropBaseline;

/**
 * Compares drop counts of two moments and decides whether decrypted packets are lost although csumbpf is there: then
 * the host drops UDP datagrams for checksums that neither path has seen.
 *
 * <p>Blind where connection tracking verifies first and nothing of csumbpf comes before it ({@code --backstop never}): the
 * kernel drops there without a socket, so the errors may be of any port. The doctor, which sees the packets, tells that.
 */
public final class AfterTcDrops {
    /** A few wrong checksums are normal. */
    private static final long ERRORS_MIN = 5;
    /** With so many repaired packets for each error, all paths count as covered. */
    private static final long REPAIRED_PER_ERROR = 100;

    /** The period that a one-shot command compares. */
    public static final String SINCE_RULES = "since the rules last changed";

    private AfterTcDrops() {}

    /**
     * The host's counts, without those of the attachment.
     *
     * @param port of its VXLAN, in host order
     */
    public static DropBaseline ofHost(NetStatistics statistics, int port) {
        return new DropBaseline(
                statistics.udpChecksumErrors(port),
                statistics.ipv4().reassembled() + statistics.ipv6().reassembled(),
                0,
                0,
                0);
    }

    /**
     * What is wrong, in words for the user; empty: nothing that can be seen.
     *
     * @param since what was counted in the period, in one network namespace
     * @param port of VXLAN, in host order
     * @param time the period, in words: "since …"
     */
    public static Optional<String> judge(DropBaseline since, int port, String time) {
        long unexplained = since.checksumErrors() - since.left();
        if (unexplained < ERRORS_MIN || unexplained * REPAIRED_PER_ERROR <= since.repaired()) {
            return Optional.empty();
        }
        String fragments = since.reassembled() > 0 && since.esp() > 0
                ? "; " + since.reassembled() + " datagrams came in fragments"
                : "";
        return Optional.of("still broken: the host dropped " + since.checksumErrors()
                + " UDP datagrams on port " + port + " with a wrong checksum " + time + ", and " + since.repaired()
                + " packets were repaired" + fragments
                + ": decrypted packets take a path that is not covered, or have a VNI without a rule"
                + " (see 'path' and 'rule' of 'csumbpf status', and 'nstat -az UdpInCsumErrors')");
    }
}
