// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The log of serve: one line an entry, always ASCII. Text is the time and then logfmt; JSON has the same keys, and the
 * time as "time". Times are UTC. Fields are pairs of key and value: keys are the programmer's (letters, digits,
 * underscores), values may contain anything. Thread-safe.
 */
public final class ServeLog {
    /** How an entry is written. */
    public enum Format {
        TEXT,
        JSON
    }

    private enum Level {
        INFO,
        WARN,
        ERROR;

        private final String label = name().toLowerCase(Locale.ROOT);
    }

    /** Warnings that can be open at a time. Others are left out, so that neither memory nor log fills up. */
    static final int MOST_COMPLAINTS = 1024;

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern(
                    "uuuu-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);

    private static final JsonFactory JSON =
            JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private final Format format;
    private final PrintStream out;
    private final Clock clock;
    private final Set<String> complaints = new HashSet<>();
    private boolean full;

    public ServeLog(Format format, PrintStream out) {
        this(format, out, Clock.systemUTC());
    }

    ServeLog(Format format, PrintStream out, Clock clock) {
        this.format = format;
        this.out = out;
        this.clock = clock;
    }

    public void info(String message, Object... fields) {
        write(Level.INFO, message, pairs(fields));
    }

    public void info(String message, Map<String, ?> fields) {
        write(Level.INFO, message, fields);
    }

    public void warn(String message, Object... fields) {
        write(Level.WARN, message, pairs(fields));
    }

    public void warn(String message, Map<String, ?> fields) {
        write(Level.WARN, message, fields);
    }

    public void error(String message, Object... fields) {
        write(Level.ERROR, message, pairs(fields));
    }

    public void error(String message, Map<String, ?> fields) {
        write(Level.ERROR, message, fields);
    }

    /** Warns, unless there is an open warning with this key. Returns whether it warned. */
    public synchronized boolean once(String key, String message, Object... fields) {
        if (complaints.contains(key)) {
            return false;
        }
        if (complaints.size() >= MOST_COMPLAINTS) {
            if (!full) {
                full = true;
                warn(
                        "too many open problems; new ones are not logged until some are resolved",
                        "open",
                        MOST_COMPLAINTS);
            }
            return false;
        }
        complaints.add(key);
        warn(message, fields);
        return true;
    }

    /** Ends the warning of {@link #once} with this key and logs that. Returns false if there is none. */
    public synchronized boolean resolved(String key, String message, Object... fields) {
        if (!complaints.remove(key)) {
            return false;
        }
        full = false;
        info(message, fields);
        return true;
    }

    private static Map<String, Object> pairs(Object[] fields) {
        if (fields.length % 2 != 0) {
            throw new IllegalArgumentException("a key without a value");
        }
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            map.put((String) fields[i], fields[i + 1]);
        }
        return map;
    }

    private void write(Level level, String message, Map<String, ?> fields) {
        String time = TIME.format(clock.instant());
        String line = format == Format.JSON ? json(time, level, message, fields) : text(time, level, message, fields);
        byte[] bytes = line.getBytes(StandardCharsets.US_ASCII);
        synchronized (this) {
            out.write(bytes, 0, bytes.length);
            out.flush();
        }
    }

    private static String text(String time, Level level, String message, Map<String, ?> fields) {
        StringBuilder line = new StringBuilder(time).append(" level=").append(level.label);
        line.append(" msg=");
        quote(line, message);
        fields.forEach((key, value) -> {
            line.append(' ').append(key).append('=');
            Object bare = value instanceof Optional<?> optional ? optional.orElse(null) : value;
            if (bare != null) {
                word(line, bare.toString());
            }
        });
        return line.append('\n').toString();
    }

    private static void word(StringBuilder line, String text) {
        if (!text.isEmpty() && text.chars().allMatch(c -> c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\')) {
            line.append(text);
        } else {
            quote(line, text);
        }
    }

    /** Appends the text in quotes, escaped as in JSON. */
    private static void quote(StringBuilder line, String text) {
        line.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> line.append('\\').append(c);
                case '\n' -> line.append("\\n");
                case '\r' -> line.append("\\r");
                case '\t' -> line.append("\\t");
                default -> {
                    if (c >= ' ' && c < 0x7f) {
                        line.append(c);
                    } else {
                        line.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    }
                }
            }
        }
        line.append('"');
    }

    private static String json(String time, Level level, String message, Map<String, ?> fields) {
        StringWriter line = new StringWriter();
        try (JsonGenerator generator = JSON.createGenerator(line)) {
            generator.writeStartObject();
            generator.writeStringField("time", time);
            generator.writeStringField("level", level.label);
            generator.writeStringField("msg", message);
            for (Map.Entry<String, ?> field : fields.entrySet()) {
                generator.writeFieldName(field.getKey());
                value(generator, field.getValue());
            }
            generator.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a StringWriter does not fail
        }
        return line.append('\n').toString();
    }

    private static void value(JsonGenerator generator, Object value) throws IOException {
        if (value instanceof Optional<?> optional) {
            value(generator, optional.orElse(null));
        } else if (value instanceof Long || value instanceof Integer) {
            generator.writeNumber(((Number) value).longValue());
        } else if (value instanceof Double number && Double.isFinite(number)) {
            generator.writeNumber(number);
        } else if (value instanceof Boolean bool) {
            generator.writeBoolean(bool);
        } else if (value == null) {
            generator.writeNull();
        } else {
            generator.writeString(value.toString());
        }
    }
}
