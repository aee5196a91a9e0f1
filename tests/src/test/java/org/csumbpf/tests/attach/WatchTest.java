// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.PingedOverlay;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Tmux;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** stats --watch, on a real terminal and without one, while pings come through a VXLAN. */
@Tag("root")
class WatchTest {
    private static final double PINGS_A_SECOND = PingedOverlay.PINGS_A_SECOND;
    private static final int VNI = PingedOverlay.VNI;

    private PingedOverlay pinged;
    private Lab lab;

    @BeforeEach
    void open() throws IOException {
        pinged = new PingedOverlay();
        lab = pinged.lab;
        attach();
    }

    private void attach() {
        lab.csumbpf("attach", "w1", "--vni", Integer.toString(VNI), "--unverified")
                .ok();
    }

    @AfterEach
    void close() throws InterruptedException {
        pinged.close();
    }

    @Test
    void aTableThatFollowsTheTerminalsSize() {
        try (Tmux tmux = new Tmux(100, 20)) {
            tmux.type(command("--peers", "--watch", "1"));
            String screen = tmux.await("rate", s -> rate(s, "repaired").isPresent() && s.matches("(?s).*[▁-█]{3}.*"));
            assertThat(screen)
                    .contains("q quits")
                    .contains(lab.name + "/w1: attached, repairing, path tc")
                    .containsPattern("VNI +PATH +OUTCOME +PACKETS +PKT/S +BYTE/S")
                    .containsPattern("PEER +VNI +PKT/S +BYTE/S +BAD/S +SPI +SEEN");
            assertThat(rate(screen, "repaired").orElseThrow()).isBetween(PINGS_A_SECOND * 0.6, PINGS_A_SECOND * 1.4);
            assertThat(rate(screen, "192.0.2.2").orElseThrow()).isBetween(PINGS_A_SECOND * 0.6, PINGS_A_SECOND * 1.4);
            assertThat(tmux.format("#{alternate_on} #{cursor_flag}")).isEqualTo("1 0");

            tmux.resize(46, 8);
            String narrow = tmux.await("narrow table", s -> !s.contains("PACKETS") && s.contains("PKT/S"));
            assertThat(narrow.lines()).hasSizeLessThanOrEqualTo(8).allMatch(line -> line.length() <= 46);
            assertThat(rate(narrow, "repaired")).isPresent();
            tmux.resize(100, 5);
            tmux.await("cut table", s -> s.contains("more") && s.contains("PACKETS"));
            tmux.resize(120, 30);
            String wide = tmux.await(
                    "whole table",
                    s -> s.contains("SEEN") && rate(s, "192.0.2.2").isPresent());
            assertThat(wide).doesNotContain("more");
        }
    }

    @ParameterizedTest
    @CsvSource({"q, 0", "C-c, 130", "TERM, 143"})
    void endsAtOnceAndLeavesTheTerminalAsItWas(String how, int code) {
        try (Tmux tmux = new Tmux(100, 20)) {
            tmux.type("stty -a | cksum; " + command("--watch", "3600") + "; echo ended $?; stty -a | cksum");
            tmux.await("table", s -> s.contains("q quits") && s.contains("repaired"));
            long began = System.nanoTime();
            if (how.equals("TERM")) {
                tmux.foreground().destroy();
            } else {
                tmux.key(how);
            }
            String screen = tmux.await(
                    "end",
                    s -> Pattern.compile("ended \\d+\\s+\\d+ \\d+\\s+prompt# ?\\s*$")
                            .matcher(s)
                            .find());
            // Not scaled, because "at once" is what is tested.
            assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began))
                    .isLessThan(5);
            assertThat(screen).contains("ended " + code).doesNotContain("q quits");
            List<String> settings = Pattern.compile("(?m)^\\d+ \\d+$")
                    .matcher(screen)
                    .results()
                    .map(match -> match.group())
                    .toList();
            assertThat(settings).hasSize(2);
            assertThat(settings.get(1)).isEqualTo(settings.get(0));
            assertThat(tmux.format("#{alternate_on} #{cursor_flag}")).isEqualTo("0 1");
            tmux.type("expr 40 + 2");
            tmux.await("echo and answer", s -> s.matches("(?s).*prompt# expr 40 \\+ 2\\n42\\n.*"));
        }
    }

    /** The launcher runs Java in a UTF-8 locale, but still knows the user's. */
    @Test
    void barsAreAsciiWhereTheLocaleIs() {
        try (Tmux tmux = new Tmux(100, 20)) {
            tmux.type("LC_ALL=C " + command("--watch", "1"));
            String screen = tmux.await("bars", s -> s.matches("(?s).*repaired[^\n]* [_.,=+*#-]{3}.*"));
            assertThat(screen).doesNotContainPattern("[▁-█]");
        }
    }

    @Test
    void suspendsAndGoesOn() {
        try (Tmux tmux = new Tmux(100, 20)) {
            tmux.type("set -m; " + command("--watch", "1"));
            tmux.await("table", s -> s.contains("repaired"));
            tmux.key("C-z");
            tmux.await("prompt", s -> s.contains("prompt#") && s.contains("Stopped"));
            assertThat(tmux.format("#{alternate_on} #{cursor_flag}")).isEqualTo("0 1");
            tmux.type("fg");
            tmux.await(
                    "table again",
                    s -> s.contains("q quits") && rate(s, "repaired").isPresent());
            tmux.key("q");
            tmux.await("prompt", s -> s.matches("(?s).*prompt# ?\\s*$"));
        }
    }

    @Test
    void whatIsAttachedMayChangeMeanwhile() {
        try (Tmux tmux = new Tmux(100, 20)) {
            tmux.type(command("w1", "--watch", "0.5"));
            tmux.await("rate", s -> rate(s, "repaired").isPresent());
            lab.csumbpf("vni", "add", "w1", "77", "--unverified").ok();
            tmux.await("new VNI", s -> s.contains("  77 "));
            lab.csumbpf("detach", "w1").ok();
            tmux.await("emptiness", s -> s.contains("nothing is attached"));
            attach();
            tmux.await("rate", s -> rate(s, "repaired").isPresent() && !s.contains("  77 "));
            lab.ipIn("link", "del", "w1");
            tmux.await("loss of the interface", s -> s.contains("w1: interface gone, off"));
            tmux.key("q");
            tmux.await("prompt", s -> s.contains("prompt#") && !s.contains("q quits"));
        }
    }

    @Test
    void plainLinesWithoutATerminal() throws IOException {
        // Three times 2 lines for the attachment and the VNI, and 1 for the peer; then the reader leaves.
        Shell.Result result = Shell.run(
                "bash", "-c", command("--peers", "--watch", "1") + " | head -n 9; echo ended ${PIPESTATUS[0]}");
        assertThat(result.err()).isEmpty();
        List<String> lines = new ArrayList<>(result.ok().out().lines().toList());
        assertThat(lines.remove(lines.size() - 1)).isEqualTo("ended 0");
        assertThat(lines).hasSize(9);
        String start = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ " + lab.name + "/w1 ";
        String number = "([0-9.]+)";
        for (int i = 0; i < 9; i += 3) {
            String rate = i == 0 ? "(-)" : number;
            assertThat(lines.get(i)).matches(start + "state=attached repair=(idle|repairing) path=tc");
            Matcher flow = Pattern.compile(
                            start + "vni=4109 path=tc outcome=repaired packets=\\d+ bytes=\\d+ packets/s=" + rate
                                    + " bytes/s=" + rate)
                    .matcher(lines.get(i + 1));
            assertThat(flow.matches()).as(lines.get(i + 1)).isTrue();
            assertThat(lines.get(i + 2))
                    .matches(start + "vni=4109 peer=192.0.2.2 packets=\\d+ bytes=\\d+ packets/s=" + rate + " bytes/s="
                            + rate + " bad=\\d+ bad/s=" + rate + " spi=- seen=" + number);
            if (i > 0) {
                assertThat(Double.parseDouble(flow.group(1))).isBetween(PINGS_A_SECOND * 0.6, PINGS_A_SECOND * 1.4);
            }
        }
    }

    @Test
    void aJsonDocumentEachTime() throws IOException {
        String printed = Shell.run(
                        "timeout",
                        "--preserve-status",
                        "-s",
                        "TERM",
                        "3",
                        "bash",
                        "-c",
                        "exec " + command("--json", "--watch", "0.5"))
                .out();
        int documents = 0;
        long before = -1;
        // The last document may be cut short.
        String whole = printed.substring(0, printed.lastIndexOf("\n}") + 2);
        try (MappingIterator<JsonNode> each =
                new ObjectMapper().readerFor(JsonNode.class).readValues(whole)) {
            while (each.hasNext()) {
                long packets = each.next()
                        .at("/attachments/0/counters/0/repaired/packets")
                        .asLong(-1);
                assertThat(packets).isGreaterThan(before);
                before = packets;
                documents++;
            }
        }
        assertThat(documents).isGreaterThan(2);
    }

    private String command(String... arguments) {
        return Shell.line(lab.command(Shell.join(new String[] {"stats"}, arguments)));
    }

    /** Packets per second in the row with this word; empty: there is none, or the rate is not known yet. */
    private static Optional<Double> rate(String screen, String word) {
        List<String> heading = List.of();
        for (String line : screen.lines().toList()) {
            List<String> cells = List.of(line.strip().split(" {2,}"));
            if (cells.contains("PKT/S")) {
                heading = cells;
            } else if (cells.contains(word)) {
                String rate = cells.get(heading.indexOf("PKT/S"));
                return rate.equals("-") ? Optional.empty() : Optional.of(Double.parseDouble(rate));
            }
        }
        return Optional.empty();
    }
}
