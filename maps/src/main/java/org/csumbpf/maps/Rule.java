// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What to do with the packets of a VNI.
 *
 * @param mode how to repair
 * @param dropPlaintext drop packets that IPsec did not decrypt; false: pass them untouched
 * @param unverified do not ask for proof of decryption; excludes {@code dropPlaintext}
 */
public record Rule(Mode mode, boolean dropPlaintext, boolean unverified) {
    public Rule {
        if (dropPlaintext && unverified) {
            throw new IllegalArgumentException("a rule that asks for no proof cannot drop what is unproven");
        }
    }

    /** By hand, as is hashCode: the JVM spins a record's own at its first call, which takes a short command 20 ms. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Rule rule
                && mode == rule.mode
                && dropPlaintext == rule.dropPlaintext
                && unverified == rule.unverified;
    }

    @Override
    public int hashCode() {
        return mode.ordinal() * 4 + (dropPlaintext ? 2 : 0) + (unverified ? 1 : 0);
    }
}
