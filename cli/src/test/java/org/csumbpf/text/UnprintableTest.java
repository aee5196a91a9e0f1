// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names may contain anything: nothing harmful reaches the terminal, but the shell gets the name unchanged. */
class UnprintableTest {
    private static final int[] CODE_POINTS = {
        0x00, 0x07, 0x09, 0x0a, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f, 0xad, 0x61c, 0x200b, 0x200e, 0x200f,
        0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff, 0xd800, 0xdfff, 0xe0001, 0xe007f, '[', '3', '1', 'm',
        '\'', '\\', '"', '$', '`', ';', ' ', 'a', 0xe9, 0xfc, 0x20ac, 0x1f600
    };

    @ParameterizedTest
    @CsvSource({
        "e\u001b[31mx, e\\x1b[31mx",
        "a\u009b2Jb, a\\x9b2Jb",
        "a\u007fb, a\\x7fb",
        "a\u202eb, a\\u202eb",
        "a\u2066b\u2069, a\\u2066b\\u2069",
        "a\ud800b, a\\ud800b",
        "a\udb40\udc01b, a\\U000e0001b",
    })
    void isWrittenOut(String text, String escaped) {
        assertThat(Unprintable.escape(text)).isEqualTo(escaped);
    }

    @Test
    void linesStayOne() {
        assertThat(Unprintable.escape("a\nb\r\tc\u2028d\u0085")).isEqualTo("a\\nb\\r\\tc\\u2028d\\x85");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "eth0", "é0 ü €", "\ud83d\ude00", "a\\x1b", "日本", "@|red x|@"})
    void whatShowsStaysAsItIs(String text) {
        assertThat(Unprintable.escape(text)).isSameAs(text);
    }

    /** Compares with the Unicode categories of java.util.regex, an independent implementation. */
    @Test
    void nothingGetsThrough() {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int i = 0; i < Integer.getInteger("csumbpf.fuzz.count", 120_000); i++) {
            String text = random(random);
            String escaped = Unprintable.escape(text);
            assertThat(escaped.matches("[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]*"))
                    .as("seed " + seed + ": " + escaped)
                    .isTrue();
            assertThat(Unprintable.escape(escaped)).isSameAs(escaped);
            assertThat(Unprintable.in(text)).isEqualTo(!escaped.equals(text));
        }
    }

    @Test
    void wordsAreQuotedWhereTheyNeedIt() {
        assertThat(ShellWord.line(List.of("eth0", "é0.5@if2", "a b", "a;b", "it's", "", "a\u00a0b", "x\u001b")))
                .isEqualTo("eth0 é0.5@if2 'a b' 'a;b' 'it'\\''s' '' 'a\u00a0b' $'x\\033'");
    }

    /** Bash parses the quoted words and returns each unchanged. The quoted line has no unprintable character. */
    @Test
    void theShellReadsTheWordBack() throws IOException {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        List<String> words = new ArrayList<>(List.of("eth0", "e;reboot", "it's", "$(id)", "a b", "-x", "*"));
        while (words.size() < 500) {
            // An argument cannot contain a zero byte or half a surrogate pair.
            String word = random(random).replace("\0", "").replaceAll("\\p{Cs}", "");
            if (!word.isEmpty()) {
                words.add(word);
            }
        }
        String line = ShellWord.line(words);
        assertThat(Unprintable.in(line)).isFalse();
        Process bash = new ProcessBuilder("bash", "-s").start();
        bash.getOutputStream().write(("printf '%s\\0' " + line + "\n").getBytes(StandardCharsets.UTF_8));
        bash.getOutputStream().close();
        String read = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(read.split("\0")).as("seed " + seed).containsExactlyElementsOf(words);
    }

    private static String random(Random random) {
        StringBuilder text = new StringBuilder();
        for (int length = random.nextInt(12); length > 0; length--) {
            int any = random.nextInt(Character.MAX_CODE_POINT + 1);
            text.appendCodePoint(random.nextInt(8) == 0 ? any : CODE_POINTS[random.nextInt(CODE_POINTS.length)]);
        }
        return text.toString();
    }
}
