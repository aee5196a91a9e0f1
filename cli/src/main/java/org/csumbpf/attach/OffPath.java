// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.Optional;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Evidence;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Total;

/**
 * Tells from two pieces of evidence whether decrypted packets die although csumbpf is there: the host drops UDP datagrams for
 * their checksum, which neither path has seen.
 */
public final class OffPath {
    /** A few wrong checksums come from anywhere. */
    private static final long ERRORS_MIN = 5;
    /** One error in so many repaired packets is no path that is not covered. */
    private static final long REPAIRED_PER_ERROR = 100;

    private OffPath() {}

    /** Before the attachment has counted anything. */
    static Evidence evidence(NetStatistics statistics) {
        return new Evidence(
                statistics.ipv4().udpChecksumErrors() + statistics.ipv6().udpChecksumErrors(),
                statistics.ipv4().reassembled() + statistics.ipv6().reassembled(),
                0,
                0,
                0);
    }

    /** What has been counted by now. */
    static Evidence evidence(
            AttachmentView.Contents contents, Optional<BackstopView> backstop, NetStatistics statistics) {
        Counters tc = contents.sum();
        BackstopCounters behind = backstop.map(BackstopView::sum).orElse(BackstopCounters.NONE);
        long left = tc.get(Outcome.BAD).packets()
                + tc.get(Outcome.FAILED).packets()
                + tc.get(Outcome.OVERSIZE).packets()
                + tc.get(Outcome.CORRUPT).packets()
                + tc.get(Outcome.PLAINTEXT).packets()
                + contents.totals().get(Total.NO_RULE).packets()
                + contents.totals().get(Total.MALFORMED).packets()
                + behind.get(BackstopCounters.Outcome.UNJUDGED).packets()
                + behind.get(BackstopCounters.Outcome.FAILED).packets();
        Evidence host = evidence(statistics);
        return new Evidence(
                host.checksumErrors(),
                host.reassembled(),
                contents.totals().get(Total.ESP).packets(),
                tc.get(Outcome.REPAIRED).packets()
                        + behind.get(BackstopCounters.Outcome.REPAIRED).packets(),
                left);
    }

    /**
     * What is amiss, in words for the user; empty: nothing that can be seen.
     *
     * @param since what came in the time that is looked at, in one network namespace
     */
    public static Optional<String> judge(Evidence since) {
        long unexplained = since.checksumErrors() - since.left();
        if (unexplained < ERRORS_MIN || unexplained * REPAIRED_PER_ERROR <= since.repaired()) {
            return Optional.empty();
        }
        String fragments = since.reassembled() > 0 && since.esp() > 0
                ? ", and " + since.reassembled() + " datagrams came in fragments"
                : "";
        return Optional.of("still broken: the host dropped " + since.checksumErrors()
                + " UDP datagrams for their checksum, while " + since.repaired() + " packets were repaired" + fragments
                + ": decrypted packets come by a way that is not covered, or with a VNI that has no rule"
                + " (see 'path' and 'rule', and 'nstat -az UdpInCsumErrors')");
    }
}
