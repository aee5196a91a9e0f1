// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * A VXLAN Network Identifier (RFC 7348 section 5): 24 bits, 0 to 16,777,215.
 *
 * @param value the identifier
 */
public record Vni(int value) implements Comparable<Vni> {
    public static final int MAX = 0xff_ffff;

    public Vni {
        if (value < 0 || value > MAX) {
            throw new IllegalArgumentException(
                    "VNI " + Integer.toUnsignedString(value) + " is out of range; 0 to " + MAX);
        }
    }

    @Override
    public int compareTo(Vni other) {
        return Integer.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Integer.toString(value);
    }
}
