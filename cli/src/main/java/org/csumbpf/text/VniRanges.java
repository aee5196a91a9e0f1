// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import java.util.Collection;
import java.util.TreeSet;
import org.csumbpf.maps.Vni;

/** VNIs as people write them: {@code 1,5-9,0x100d}. */
public final class VniRanges {
    /** More than this would not fit the map of rules. */
    public static final int MAX = 32768;

    private static final String ANY = "any";
    private static final String FORM =
            "write 0 to " + Vni.MAX + " with digits 0 to 9, or hexadecimal with 0x, or a range FIRST-LAST, or 'any'";

    private VniRanges() {}

    /**
     * Parses a list of VNIs and ranges, decimal or hexadecimal with 0x, in ASCII digits.
     *
     * @throws IllegalArgumentException with a message for the user
     */
    public static TreeSet<Vni> parse(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("'" + text + "' contains no VNI; " + FORM);
        }
        TreeSet<Vni> vnis = new TreeSet<>();
        int start = 0;
        while (start <= text.length()) {
            int comma = text.indexOf(',', start);
            int end = comma < 0 ? text.length() : comma;
            add(vnis, text.substring(start, end).trim(), text);
            start = end + 1;
        }
        return vnis;
    }

    private static void add(TreeSet<Vni> vnis, String item, String list) {
        if (item.isEmpty()) {
            throw new IllegalArgumentException(
                    "'" + list + "' has a comma without a VNI on one side; write one comma between two VNIs");
        }
        if (item.equals(ANY)) {
            throw new IllegalArgumentException("'" + list + "': 'any' covers every VNI; leave out the others,"
                    + " or add rules of their own for them with 'csumbpf vni add'");
        }
        int dash = item.indexOf('-');
        String from = dash < 0 ? item : item.substring(0, dash).trim();
        String to = dash < 0 ? item : item.substring(dash + 1).trim();
        if (to.indexOf('-') >= 0) {
            throw new IllegalArgumentException("'" + item + "' is not a VNI and not a range FIRST-LAST");
        }
        if (from.isEmpty()) {
            throw new IllegalArgumentException(
                    "'" + item + "' has no start; a VNI is 0 to " + Vni.MAX + ", a range FIRST-LAST");
        }
        if (to.isEmpty()) {
            throw new IllegalArgumentException(
                    "'" + item + "' has no end; a VNI is 0 to " + Vni.MAX + ", a range FIRST-LAST");
        }
        int first = number(from);
        int last = number(to);
        if (last < first) {
            throw new IllegalArgumentException("range " + item + " runs backwards; write " + to + "-" + from);
        }
        if (vnis.size() + (long) last - first + 1 > MAX) {
            throw new IllegalArgumentException(
                    "more than " + MAX + " VNIs; write 'any', one rule that covers every VNI");
        }
        for (int vni = first; vni <= last; vni++) {
            vnis.add(new Vni(vni));
        }
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
        boolean hex = text.startsWith("0x") || text.startsWith("0X");
        int start = hex ? 2 : 0;
        int value = 0;
        boolean fits = true;
        for (int i = start; i < text.length(); i++) {
            // Character.digit() also accepts the digits of other scripts.
            int digit = text.charAt(i) < 0x80 ? Character.digit(text.charAt(i), hex ? 16 : 10) : -1;
            if (digit < 0) {
                throw notAVni(text);
            }
            if (fits) {
                value = value * (hex ? 16 : 10) + digit;
                fits = value <= Vni.MAX;
            }
        }
        if (start == text.length()) {
            throw notAVni(text);
        }
        if (!fits) {
            throw new IllegalArgumentException("VNI " + text + " is out of range; a VNI has 24 bits: 0 to " + Vni.MAX);
        }
        return value;
    }

    private static IllegalArgumentException notAVni(String text) {
        return new IllegalArgumentException("'" + text + "' is not a VNI; " + FORM);
    }
}
