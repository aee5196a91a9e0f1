// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What to do with the packets of a VNI: {@code struct csumbpf_rule}.
 *
 * @param mode how to repair
 * @param dropPlaintext drop packets that IPsec did not decrypt; false: pass them untouched
 * @param unverified repair without proof of decryption; excludes {@code dropPlaintext}
 * @param verify mode adjust: one packet of a peer in this many is verified by its full checksum, 1 to {@link
 *     #VERIFY_MAX}; other modes: 0
 */
public record Rule(Mode mode, boolean dropPlaintext, boolean unverified, int verify) {
    /** One full checksum in so many packets costs too little to be seen in {@code make bench}. */
    public static final int VERIFY_DEFAULT = 64;

    public static final int VERIFY_MAX = 0xffff;

    public Rule {
        if (mode == Mode.ADJUST ? verify < 1 || verify > VERIFY_MAX : verify != 0) {
            throw new IllegalArgumentException("verify " + verify + " does not fit mode " + mode.label());
        }
        if (dropPlaintext && unverified) {
            throw new IllegalArgumentException("an unverified rule cannot drop plaintext");
        }
    }

    /** Verifies one packet in {@link #VERIFY_DEFAULT}, if the mode does. */
    public Rule(Mode mode, boolean dropPlaintext, boolean unverified) {
        this(mode, dropPlaintext, unverified, mode == Mode.ADJUST ? VERIFY_DEFAULT : 0);
    }
}
