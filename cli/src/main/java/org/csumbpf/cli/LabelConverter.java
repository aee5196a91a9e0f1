// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.Mode;
import org.csumbpf.serve.ServeLog;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts a name in lower case to its enum constant. The error lists the valid names. */
abstract class LabelConverter<E extends Enum<E>> implements ITypeConverter<E> {
    private final E[] values;

    LabelConverter(E[] values) {
        this.values = values;
    }

    @Override
    public E convert(String text) {
        for (E value : values) {
            if (label(value).equals(text)) {
                return value;
            }
        }
        throw new TypeConversionException("'" + text + "' is not one of " + String.join(", ", labels()));
    }

    List<String> labels() {
        return Arrays.stream(values).map(LabelConverter::label).toList();
    }

    private static String label(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    static final class ForMode extends LabelConverter<Mode> {
        ForMode() {
            super(Mode.values());
        }
    }

    static final class ForBackstop extends LabelConverter<Backstop> {
        ForBackstop() {
            super(Backstop.values());
        }
    }

    static final class ForLogFormat extends LabelConverter<ServeLog.Format> {
        ForLogFormat() {
            super(ServeLog.Format.values());
        }
    }

    static final class ForHook extends LabelConverter<Hook> {
        ForHook() {
            super(new Hook[] {Hook.TCX, Hook.CLSACT});
        }
    }
}
