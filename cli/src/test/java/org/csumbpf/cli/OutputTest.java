// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the text is, only our own colours and line breaks take effect on the terminal. */
class OutputTest {
    private static final String HOSTILE = "e\u001b[31m\n\r\tx\u009b2J\u202ey\u0007\u007f\ud800z@|red ü|@";
    private static final String HARMLESS = "e\\x1b[31m\\n\\r\\tx\\x9b2J\\u202ey\\x07\\x7f\\ud800z@|red ü|@";

    private final StringWriter text = new StringWriter();
    private final Output out = new Output(new PrintWriter(text));

    @Test
    void linesAreEscaped() {
        out.println(HOSTILE);
        out.println((Object) HOSTILE);
        out.println(HOSTILE.toCharArray());
        out.print(HOSTILE);
        out.println();
        out.print((Object) HOSTILE);
        out.println();
        out.print(HOSTILE.toCharArray());
        out.println();
        out.printf("%s", HOSTILE).println();
        out.printf(Locale.ROOT, "%s", HOSTILE).println();
        out.append(HOSTILE).println();
        out.append(HOSTILE, 0, HOSTILE.length()).println();
        assertThat(text.toString()).isEqualTo((HARMLESS + "\n").repeat(10));
    }

    @Test
    void aCharacterIs() {
        out.print('\u001b');
        out.println('\n');
        out.append('\u009b');
        assertThat(text.toString()).isEqualTo("\\x1b\\n\n\\x9b");
    }

    @Test
    void coloursAreOurs() {
        out.print(Output.Style.RED, HOSTILE);
        assertThat(text.toString()).isEqualTo(HARMLESS);
        out.color();
        out.print(Output.Style.RED, HOSTILE);
        out.print(Output.Style.BOLD, "x");
        assertThat(text.toString()).isEqualTo(HARMLESS + "\u001b[31m" + HARMLESS + "\u001b[0m\u001b[1mx\u001b[0m");
    }

    @Test
    void severalLinesAreThose() {
        out.lines("a\n\tb\u001b[0m\n");
        assertThat(text.toString()).isEqualTo("a\n    b\\x1b[0m\n");
    }

    @Test
    void aTraceHoldsNoMoreThanItsLines() {
        out.trace(new IllegalStateException("x\u001b[2J"));
        assertThat(text.toString())
                .startsWith("java.lang.IllegalStateException: x\\x1b[2J\n    at org.csumbpf")
                .doesNotContain("\u001b");
    }

    /** A parser gets the text unchanged, and a terminal gets no unprintable character of it. */
    @Test
    void jsonIsTheSameForAParser() throws IOException {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            StringBuilder name = new StringBuilder(HOSTILE).append("\ud83d\ude00\"\\");
            // Now and then longer than the generator's buffer.
            for (int length = random.nextInt(i % 100 == 0 ? 10_000 : 50); length > 0; length--) {
                name.append((char) random.nextInt(i % 2 == 0 ? 0x100 : 0x10000));
            }
            StringWriter document = new StringWriter();
            new Output(new PrintWriter(document)).json(Map.of("a", List.of(name.toString())));
            assertThat(
                            document.toString()
                                    .matches(
                                            "[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\n]*(\\n[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]*)*"))
                    .as("seed " + seed)
                    .isTrue();
            try (JsonParser parser = new JsonFactory().createParser(document.toString())) {
                while (parser.nextToken() != JsonToken.VALUE_STRING) {
                    assertThat(parser.currentToken()).isNotNull();
                }
                assertThat(parser.getText()).as("seed " + seed).isEqualTo(name.toString());
            }
        }
    }

    @Test
    void whatCannotBeWrittenIsNoticed() {
        Output full = new Output(new PrintWriter(new Writer() {
            @Override
            public void write(char[] chars, int offset, int length) throws IOException {
                throw new IOException("No space left on device");
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        }));
        assertThat(full.finish()).isZero();
        full.println("x");
        assertThat(full.finish()).isNotZero();
        assertThat(out.finish()).isZero();
    }
}
