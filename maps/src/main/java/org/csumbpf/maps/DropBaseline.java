// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * Packet counts at one moment, of the host (in the attachment's network namespace) and of the attachment: {@code struct
 * csumbpf_drop_baseline}. The difference of two shows whether decrypted packets are dropped after both paths.
 *
 * @param checksumErrors UDP datagrams that the sockets on the VXLAN port dropped for their checksum
 * @param reassembled IP datagrams that the host put together from fragments
 * @param esp ESP that reached tc before it was decrypted
 * @param repaired on both paths
 * @param left with a checksum that is wrong, or could not be computed, and was left so
 */
public record DropBaseline(long checksumErrors, long reassembled, long esp, long repaired, long left) {
    public static final DropBaseline NONE = new DropBaseline(0, 0, 0, 0, 0);

    /** The difference from an earlier moment. A count that is smaller than before began again at 0. */
    public DropBaseline since(DropBaseline before) {
        return new DropBaseline(
                grown(before.checksumErrors, checksumErrors),
                grown(before.reassembled, reassembled),
                grown(before.esp, esp),
                grown(before.repaired, repaired),
                grown(before.left, left));
    }

    /** Adds an attachment of the same network namespace. Both have the host's counts, so the smaller one is kept. */
    public DropBaseline plusAttachment(DropBaseline other) {
        return new DropBaseline(
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
