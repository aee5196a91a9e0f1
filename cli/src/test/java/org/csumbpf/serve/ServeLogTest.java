// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ServeLogTest {
    private static final String HOSTILE = "a b\n\"c\"=\\d\r\t\u0000\u001b[31m\u007fé\u202e\ud800x\ud83d\ude00";

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private ServeLog log(ServeLog.Format format) {
        Clock clock = Clock.fixed(Instant.parse("2026-11-25T08:00:00.120999Z"), ZoneOffset.UTC);
        return new ServeLog(format, new PrintStream(bytes, false, StandardCharsets.UTF_8), clock);
    }

    private List<String> lines() {
        String all = bytes.toString(StandardCharsets.UTF_8);
        return all.isEmpty()
                ? List.of()
                : List.of(all.split("\n", -1))
                        .subList(0, (int) all.chars().filter(c -> c == '\n').count());
    }

    @Test
    void textIsOneLineOfPairs() {
        ServeLog log = log(ServeLog.Format.TEXT);
        log.info("bad checksum", "interface", "eth0", "vni", 4109, "peer", "[2001:db8::1]:4500", "gone", null);
        log.warn("x", "empty", "", "spaces", "a b", "maybe", Optional.of(1.5), "not", Optional.empty());
        log.error("y", Map.of("on", true));
        assertThat(lines())
                .containsExactly(
                        "2026-11-25T08:00:00.120Z level=info msg=\"bad checksum\" interface=eth0 vni=4109"
                                + " peer=[2001:db8::1]:4500 gone=",
                        "2026-11-25T08:00:00.120Z level=warn msg=\"x\" empty=\"\" spaces=\"a b\" maybe=1.5 not=",
                        "2026-11-25T08:00:00.120Z level=error msg=\"y\" on=true");
    }

    @Test
    void jsonIsOneObjectALine() {
        ServeLog log = log(ServeLog.Format.JSON);
        log.info("bad checksum", "interface", "eth0", "vni", 4109, "share", 0.5, "nan", Double.NaN, "gone", null);
        log.error("y", Map.of("on", true));
        assertThat(lines())
                .containsExactly(
                        "{\"time\":\"2026-11-25T08:00:00.120Z\",\"level\":\"info\",\"msg\":\"bad checksum\","
                                + "\"interface\":\"eth0\",\"vni\":4109,\"share\":0.5,\"nan\":\"NaN\",\"gone\":null}",
                        "{\"time\":\"2026-11-25T08:00:00.120Z\",\"level\":\"error\",\"msg\":\"y\",\"on\":true}");
    }

    @Test
    void hostileValuesStayWithinTheirLineInAscii() throws IOException {
        log(ServeLog.Format.TEXT).info(HOSTILE, "interface", HOSTILE);
        String escaped = "\"a b\\n\\\"c\\\"=\\\\d\\r\\t\\u0000\\u001b[31m\\u007f\\u00e9\\u202e\\ud800x\\ud83d\\ude00\"";
        assertThat(lines())
                .containsExactly("2026-11-25T08:00:00.120Z level=info msg=" + escaped + " interface=" + escaped);

        bytes.reset();
        log(ServeLog.Format.JSON).info(HOSTILE, "interface", HOSTILE);
        assertThat(lines()).hasSize(1);
        assertThat(lines().get(0)).matches("\\p{ASCII}+");
        Map<String, String> read = new HashMap<>();
        try (JsonParser parser = new JsonFactory().createParser(lines().get(0))) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.VALUE_STRING) {
                    read.put(parser.currentName(), parser.getText());
                }
            }
        }
        assertThat(read).containsEntry("msg", HOSTILE).containsEntry("interface", HOSTILE);
    }

    @Test
    void aKeyNeedsItsValue() {
        assertThatThrownBy(() -> log(ServeLog.Format.TEXT).info("x", "key"))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aComplaintIsMadeOnceAndItsEndSaidOnce() {
        ServeLog log = log(ServeLog.Format.TEXT);
        assertThat(log.resolved("bpffs", "never said")).isFalse();
        assertThat(log.once("bpffs", "bpffs is not mounted", "path", "/sys/fs/bpf"))
                .isTrue();
        assertThat(log.once("bpffs", "bpffs is not mounted", "path", "/sys/fs/bpf"))
                .isFalse();
        assertThat(log.once("other", "something else")).isTrue();
        assertThat(log.resolved("bpffs", "bpffs is mounted")).isTrue();
        assertThat(log.resolved("bpffs", "bpffs is mounted")).isFalse();
        assertThat(log.once("bpffs", "bpffs is not mounted")).isTrue();
        assertThat(lines())
                .extracting(line -> line.substring(line.indexOf("level=")))
                .containsExactly(
                        "level=warn msg=\"bpffs is not mounted\" path=/sys/fs/bpf",
                        "level=warn msg=\"something else\"",
                        "level=info msg=\"bpffs is mounted\"",
                        "level=warn msg=\"bpffs is not mounted\"");
    }

    @Test
    void neitherMemoryNorLogGrowsWithEndlessComplaints() {
        ServeLog log = log(ServeLog.Format.TEXT);
        for (int i = 0; i < 3 * ServeLog.MOST_COMPLAINTS; i++) {
            log.once("key " + i, "complaint");
        }
        assertThat(lines()).hasSize(ServeLog.MOST_COMPLAINTS + 1);
        assertThat(lines().get(ServeLog.MOST_COMPLAINTS))
                .contains("too many open problems")
                .endsWith("open=1024");
        assertThat(log.resolved("key 2000", "was left out")).isFalse();
        assertThat(log.resolved("key 0", "over")).isTrue();
        assertThat(log.once("key 2000", "now there is room")).isTrue();
    }

    @Test
    void linesOfManyThreadsDoNotMix() throws InterruptedException {
        ServeLog log = log(ServeLog.Format.TEXT);
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            Thread thread = new Thread(() -> {
                for (int i = 0; i < 200; i++) {
                    log.info("x".repeat(100), "n", i);
                    log.once("shared", "once");
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(lines())
                .hasSize(8 * 200 + 1)
                .allMatch(line -> line.matches("\\S+ level=\\w+ msg=\"(x{100}|once)\".*"));
    }
}
