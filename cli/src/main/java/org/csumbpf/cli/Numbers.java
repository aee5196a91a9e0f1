// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Numbers in arguments: the digits 0 to 9 only. The JDK also takes the digits of other scripts, which a reader may take
 * for another number, and suffixes such as in {@code 2d}.
 */
final class Numbers {
    private Numbers() {}

    /** A whole number, optionally with a minus sign. The option checks the range. */
    static final class Whole implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            int start = text.startsWith("-") ? 1 : 0;
            if (!digits(text, start, text.length())) {
                throw new TypeConversionException("'" + text + "' is not a number; use the digits 0 to 9");
            }
            try {
                return Integer.valueOf(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is out of range");
            }
        }
    }

    /** A number with or without a decimal point. */
    static final class Decimal implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            int start = text.startsWith("-") ? 1 : 0;
            int point = text.indexOf('.');
            boolean number = point < 0
                    ? digits(text, start, text.length())
                    : digits(text, start, point) && digits(text, point + 1, text.length());
            if (!number) {
                throw new TypeConversionException("'" + text + "' is not a number; write 2 or 0.5");
            }
            return Double.valueOf(text);
        }
    }

    private static boolean digits(String text, int from, int to) {
        for (int i = from; i < to; i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        return from < to;
    }
}
