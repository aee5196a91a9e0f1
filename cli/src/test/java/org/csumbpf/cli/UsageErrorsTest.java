// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.ParameterException;

/** Wrong arguments: one line that says what was probably meant, and exit code 2. */
class UsageErrorsTest {
    private static final String[] WORDS = {
        "attach",
        "detach",
        "status",
        "stats",
        "vni",
        "add",
        "list",
        "help",
        "serve",
        "atach",
        "ad",
        "eth0",
        "-5",
        "--vni",
        "any",
        "5",
        "--mode",
        "obsrve",
        "--port",
        "\u0665",
        "--watch",
        "--netns",
        "--json",
        "--jsn",
        "-v",
        "-vx",
        "-",
        "--",
        "---",
        "",
        "@",
        "--all",
        "--all=x",
        "--force",
        "\u001b[31m",
        "--help",
        "a\nb",
        "=",
        "--mode=",
        "warm-up"
    };

    private String out;
    private String err;

    private int run(String... args) {
        Ran ran = Ran.of(args);
        out = ran.out();
        err = ran.err();
        return ran.code();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "atach eth0 | csumbpf: unknown command 'atach'; did you mean 'attach'? see 'csumbpf --help'",
                "hlep | csumbpf: unknown command 'hlep'; did you mean 'help'? see 'csumbpf --help'",
                "warm-upp | csumbpf: unknown command 'warm-upp'; see 'csumbpf --help'",
                "frobnicate | csumbpf: unknown command 'frobnicate'; see 'csumbpf --help'",
                "vni ad eth0 5 | csumbpf vni: unknown command 'ad'; did you mean 'add'? see 'csumbpf vni --help'",
                "help atach | csumbpf: unknown command 'atach'; did you mean 'attach'? see 'csumbpf --help'",
                "help vni ad | csumbpf vni: unknown command 'ad'; did you mean 'add'? see 'csumbpf vni --help'",
                "attach --unverifed | csumbpf attach: unknown option '--unverifed'; did you mean '--unverified'? see 'csumbpf attach --help'",
                "attach eth0 --prot=1 | csumbpf attach: unknown option '--prot=1'; did you mean '--port'? see 'csumbpf attach --help'",
                "attach eth0 -json | csumbpf attach: unknown option '-json'; did you mean '--json'? see 'csumbpf attach --help'",
                "status -x | csumbpf status: unknown option '-x'; see 'csumbpf status --help'",
                "status a b | csumbpf status: unexpected argument 'b'; see 'csumbpf status --help'",
                "attach eth0 --hook tcy | csumbpf attach: Invalid value for option '--hook': 'tcy' is not one of tcx, clsact; did you mean 'tcx'? see 'csumbpf attach --help'",
                "attach eth0 --plaintext dropp | csumbpf attach: Invalid value for option '--plaintext': 'dropp' is not one of pass, drop; did you mean 'drop'? see 'csumbpf attach --help'",
                "attach eth0 --mode fast | csumbpf attach: Invalid value for option '--mode': 'fast' is not one of auto, zero, recompute, observe, adjust; see 'csumbpf attach --help'",
                "detach | csumbpf detach: give either an interface or --all; see 'csumbpf detach --help'",
                "restore eth0 --all | csumbpf restore: give either an interface or --all; see 'csumbpf restore --help'",
                "attach | csumbpf attach: Missing required parameter: 'IFACE'; see 'csumbpf attach --help'",
                "vni add eth0 -5 | csumbpf vni add: '-5' has no start; a VNI is 0 to 16777215, a range FIRST-LAST; see 'csumbpf vni add --help'",
                "attach eth0 --vni -5 | csumbpf attach: '-5' has no start; a VNI is 0 to 16777215, a range FIRST-LAST; see 'csumbpf attach --help'",
            })
    void whatWasMeant(String line, String message) {
        assertThat(run(line.split(" "))).isEqualTo(2);
        assertThat(err).isEqualTo(message + "\n");
        assertThat(out).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "attach eth0 --port \u0665",
                "attach eth0 --port=\uff15",
                "attach eth0 --port +5",
                "attach eth0 --port 0x10",
                "attach eth0 --port 99999999999",
                "attach eth0 --port -",
                "attach eth0 --mode adjust --verify \u0661",
                "attach eth0 --vni \u0665",
                "attach eth0 --vni 1-\u0665",
                "vni add eth0 \uff15",
                "vni remove eth0 \u0665",
                "serve --max-peers \u0665",
                "serve --max-vnis 5f",
                "serve --listen 127.0.0.1:\u0665",
                "stats --watch \u0662",
                "stats --watch 2d",
                "stats --watch 0x1p3",
                "stats --watch NaN",
                "stats --watch Infinity",
                "stats --watch 1e2",
                "stats --watch .",
                "stats --watch 1.",
            })
    void numbersAreAscii(String line) {
        assertThat(run(line.split(" "))).as(err).isEqualTo(2);
        assertThat(err).startsWith("csumbpf ").hasLineCount(1).doesNotContain("Exception");
    }

    @Test
    void helpIsThatOfTheCommand() {
        assertThat(run("help")).isZero();
        String whole = out;
        assertThat(run("--help")).isZero();
        assertThat(out)
                .isEqualTo(whole)
                .contains("\n  attach", "\n  help", "\n   10   ")
                .doesNotContain("\\n");
        assertThat(run("help", "vni", "add")).isZero();
        String add = out;
        assertThat(run("vni", "add", "--help")).isZero();
        assertThat(out).isEqualTo(add).contains("Usage: csumbpf vni add");
    }

    @Test
    void underJsonItIsAnObject() throws IOException {
        assertThat(run("atach", "--json")).isEqualTo(2);
        assertThat(err).isEqualTo("csumbpf: unknown command 'atach'; did you mean 'attach'? see 'csumbpf --help'\n");
        Map<String, String> object = object(out);
        assertThat(object)
                .containsExactlyEntriesOf(Map.of("error", "unknown command 'atach'").entrySet().stream()
                        .collect(
                                LinkedHashMap::new,
                                (map, entry) -> {
                                    map.put(entry.getKey(), entry.getValue());
                                    map.put("next", "did you mean 'attach'? see 'csumbpf --help'");
                                    map.put("errno", null);
                                    map.put("exit_code", "2");
                                    map.put("command", "csumbpf");
                                },
                                Map::putAll));
        assertThat(run("--json", "vni", "add", "eth0", "-5")).isEqualTo(2);
        assertThat(object(out)).containsEntry("command", "csumbpf vni add").containsEntry("exit_code", "2");
    }

    /** Random arguments are only parsed, never run. Any error is one harmless line. */
    @Test
    void anyWordsAreUnderstoodOrRefused() {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < 300; i++) {
            String[] args = new String[random.nextInt(6)];
            for (int j = 0; j < args.length; j++) {
                args[j] = WORDS[random.nextInt(WORDS.length)];
            }
            try {
                Main.commandLine(args).parseArgs(args);
            } catch (ParameterException e) {
                refused++;
                StringWriter text = new StringWriter();
                new Output(new PrintWriter(text))
                        .println(UsageErrors.of(e, args).line());
                assertThat(text.toString())
                        .as("seed " + seed + ": " + String.join(" ", args))
                        .startsWith("csumbpf")
                        .hasLineCount(1)
                        .doesNotContain("\u001b");
            }
        }
        assertThat(refused).isPositive();
    }

    private static Map<String, String> object(String text) throws IOException {
        Map<String, String> object = new LinkedHashMap<>();
        try (JsonParser parser = new JsonFactory().createParser(text)) {
            parser.nextToken();
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                parser.nextToken();
                object.put(name, parser.getValueAsString());
            }
        }
        return object;
    }
}
