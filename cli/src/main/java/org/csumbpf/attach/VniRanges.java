// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.Collection;
import java.util.TreeSet;
import org.csumbpf.maps.Vni;

/** VNIs as people write them: {@code 1,5-9,0x100d}. */
public final class VniRanges {
    /** More than this would not fit the map of rules. */
    public static final int MAX = 32768;

    private VniRanges() {}

    /**
     * Parses a list of VNIs and ranges, decimal or hexadecimal with 0x.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    public static TreeSet<Vni> parse(String text) {
        TreeSet<Vni> vnis = new TreeSet<>();
        for (String item : text.split(",", -1)) {
            String[] ends = item.trim().split("-", -1);
            if (ends.length > 2) {
                throw new IllegalArgumentException("'" + item.trim() + "' is neither a VNI nor a range FIRST-LAST");
            }
            int first = number(ends[0]);
            int last = ends.length == 2 ? number(ends[1]) : first;
            if (last < first) {
                throw new IllegalArgumentException(
                        "range " + item.trim() + " runs backwards; write " + ends[1] + "-" + ends[0]);
            }
            if (vnis.size() + (long) last - first + 1 > MAX) {
                throw new IllegalArgumentException(
                        "more than " + MAX + " VNIs; use '--vni any', which covers every VNI with one rule");
            }
            for (int vni = first; vni <= last; vni++) {
                vnis.add(new Vni(vni));
            }
        }
        return vnis;
    }

    /** The shortest list of VNIs and ranges, decimal. */
    public static String format(Collection<Vni> vnis) {
        StringBuilder text = new StringBuilder();
        int first = -1;
        int last = -2;
        for (Vni vni : new TreeSet<>(vnis)) {
            if (vni.value() != last + 1) {
                append(text, first, last);
                first = vni.value();
            }
            last = vni.value();
        }
        append(text, first, last);
        return text.toString();
    }

    private static void append(StringBuilder text, int first, int last) {
        if (first < 0) {
            return;
        }
        text.append(text.isEmpty() ? "" : ",").append(first);
        if (last > first) {
            text.append('-').append(last);
        }
    }

    private static int number(String text) {
        String digits = text.trim();
        long value;
        try {
            value = digits.startsWith("0x") || digits.startsWith("0X")
                    ? Long.parseUnsignedLong(digits.substring(2), 16)
                    : Long.parseUnsignedLong(digits);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "'" + digits + "' is not a VNI; give 0 to " + Vni.MAX + ", decimal or 0x, or 'any'");
        }
        if (value < 0 || value > Vni.MAX) {
            throw new IllegalArgumentException(
                    "VNI " + digits + " is out of range; a VNI has 24 bits: 0 to " + Vni.MAX);
        }
        return (int) value;
    }
}
