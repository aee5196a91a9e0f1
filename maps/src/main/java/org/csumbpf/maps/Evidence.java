// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What had been counted at one moment, by the host and by an attachment: {@code struct csumbpf_evidence}. All are packets.
 *
 * @param checksumErrors UDP datagrams that the sockets on the VXLAN port dropped for their checksum, in the attachment's network
 *     namespace
 * @param reassembled IP datagrams that it put together from fragments
 * @param esp ESP that reached tc undecrypted
 * @param repaired on both paths
 * @param left with a checksum that is wrong, or could not be computed, and was left so
 */
public record Evidence(long checksumErrors, long reassembled, long esp, long repaired, long left) {
    public static final Evidence NONE = new Evidence(0, 0, 0, 0, 0);

    /** What came since. A count that began anew counts from zero. */
    public Evidence since(Evidence before) {
        return new Evidence(
                grown(before.checksumErrors, checksumErrors),
                grown(before.reassembled, reassembled),
                grown(before.esp, esp),
                grown(before.repaired, repaired),
                grown(before.left, left));
    }

    /** Adds what another attachment of the same network namespace counted; the host's own counts are the same for both. */
    public Evidence plusAttachment(Evidence other) {
        return new Evidence(
                Math.min(checksumErrors, other.checksumErrors),
                Math.min(reassembled, other.reassembled),
                esp + other.esp,
                repaired + other.repaired,
                left + other.left);
    }

    private static long grown(long before, long now) {
        return now >= before ? now - before : now;
    }
}
