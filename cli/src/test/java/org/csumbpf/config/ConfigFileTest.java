// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.serve.ListenAddress;
import org.csumbpf.serve.ServeLog;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a configuration file says, and what is wrong with one, by line. */
class ConfigFileTest {
    @TempDir
    private Path folder;

    private AgentConfig read(String text) throws IOException {
        return ConfigFile.read(Files.writeString(folder.resolve("c.yaml"), text))
                .orElseThrow();
    }

    /** The problems of a text, with 'LINE: ' in front. */
    private String problems(String text) throws IOException {
        return problems(Files.writeString(folder.resolve("c.yaml"), text));
    }

    private String problems(Path file) {
        ConfigException e = catchThrowableOfType(ConfigException.class, () -> ConfigFile.read(file));
        assertThat(e).as("no problem").isNotNull();
        return e.getMessage().replace(file + ": ", "").replace(file + ":", "");
    }

    @Test
    void everyKey() throws IOException {
        AgentConfig config = read("""
                interfaces:
                  include: [eth0, "wan*", 10.0.0.0/8]
                  exclude: ['*.100']
                  keep: 1h30m
                  manage-existing: true
                port: 4790
                backstop: always
                enable-gro: true
                rules:
                  default: {mode: adjust, plaintext: drop, verify: 7}
                  vnis:
                    0x1001: {mode: observe}
                    4100-4102,5:
                  networks:
                    my net: {unverified: true, plaintext: pass}
                docker: {socket: /run/d.sock}
                metrics: {listen: ":9", max-peers: 5, max-vnis: 0}
                log: {format: json}
                """);
        assertThat(config.get(Key.INCLUDE).toString()).isEqualTo("[eth0, wan*, 10.0.0.0/8]");
        assertThat(config.get(Key.EXCLUDE).toString()).isEqualTo("[*.100]");
        assertThat(config.get(Key.KEEP)).isEqualTo(Duration.ofMinutes(90));
        assertThat(config.get(Key.MANAGE_EXISTING)).isTrue();
        assertThat(config.get(Key.PORT)).contains(4790);
        assertThat(config.get(Key.BACKSTOP)).isEqualTo(Backstop.ALWAYS);
        assertThat(config.get(Key.ENABLE_GRO)).isTrue();
        assertThat(config.defaultRule()).isEqualTo(new Rule(Mode.ADJUST, true, false, 7));
        assertThat(config.get(Key.DOCKER_SOCKET)).isEqualTo(Path.of("/run/d.sock"));
        assertThat(config.get(Key.LISTEN)).isEqualTo(new ListenAddress("", 9));
        assertThat(config.get(Key.MAX_PEERS)).isEqualTo(5);
        assertThat(config.get(Key.MAX_VNIS)).isZero();
        assertThat(config.get(Key.LOG_FORMAT)).isEqualTo(ServeLog.Format.JSON);
        assertThat(config.rules())
                .extracting(RuleSettings::name)
                .containsExactly("rules.vnis.0x1001", "rules.vnis.4100-4102,5", "rules.networks.my net");
        assertThat(config.rules())
                .extracting(config::rule)
                .containsExactly(
                        new Rule(Mode.OBSERVE, true, false, 0),
                        new Rule(Mode.ADJUST, true, false, 7),
                        new Rule(Mode.ADJUST, false, true, 7));
        assertThat(config.rules().get(1).vnis().orElseThrow()).hasSize(4);
        assertThat(config.setting(Key.KEEP).origin()).isEqualTo(new Origin.Line(folder.resolve("c.yaml"), 4));
        assertThat(config.rules().get(2).origin().text()).endsWith("c.yaml:15");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing\n", "---\n", "{}", "interfaces:\nrules:\n  vnis:\n  default:\n", "\ufeff"})
    void nothingIsSet(String text) throws IOException {
        AgentConfig config = read(text);
        for (Key<?> key : Key.ALL) {
            assertThat(config.setting(key)).isEqualTo(new Setting<>(key.defaultValue(), new Origin.Default()));
        }
        assertThat(config.rules()).isEmpty();
    }

    @Test
    void anAliasIsAsItWasWritten() throws IOException {
        AgentConfig config = read("rules:\n  vnis:\n    1: &o {mode: observe}\n    2: *o\n");
        assertThat(config.rules()).extracting(config::rule).containsOnly(new Rule(Mode.OBSERVE, false, false, 0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            interfaces: {includ: [a]} | 1: unknown key 'includ' in interfaces; did you mean 'include'?
            prot: 4789 | 1: unknown key 'prot'; did you mean 'port'?
            \\nkeep: 5m | 2: unknown key 'keep'; 'keep' belongs in interfaces
            metrics: {port: 1} | 1: unknown key 'port' in metrics; 'port' belongs at the top of the file
            rules: {backstop: never} | 1: unknown key 'backstop' in rules; 'backstop' belongs at the top of the file
            zzz: 1 | 1: unknown key 'zzz'; known are interfaces, port, bpffs, backstop, enable-gro, rules, docker, metrics, log
            rules: {vnis: {5: {mod: zero}}} | 1: unknown key 'mod' in rules.vnis.5; did you mean 'mode'?
            rules: {networks: {n: {zzz: 1}}} | 1: unknown key 'zzz' in rules.networks.n; known are mode, plaintext, unverified, verify
            port: 1\\nlog: {}\\nport: 1 | 3: 'port' is there twice; first in line 1
            log: {format: text, format: text} | 1: 'format' in log is there twice; first in line 1
            port: 0 | 1: port: 0 is out of range; 1 to 65535
            port: 65536 | 1: port: 65536 is out of range; 1 to 65535
            port: 99999999999 | 1: port: 99999999999 is out of range; 1 to 65535
            port: vxlan | 1: port: 'vxlan' is not a port; write 1 to 65535, or auto
            port: | 1: port has no value; delete the line, or write auto
            port: [1] | 1: port must be a single value, not a list
            port: !p 1 | 1: port must be a single value, not the tag !p
            enable-gro: yes | 1: enable-gro must be true or false, not 'yes'
            enable-gro: "true" | 1: enable-gro must be true or false, not 'true'
            enable-gro: 1 | 1: enable-gro must be true or false, not '1'
            backstop: alwys | 1: backstop: 'alwys' is not one of auto, always, never; did you mean 'always'?
            rules: {default: {verify: 0}} | 1: rules.default.verify: 0 is out of range; 1 to 65535
            metrics: {max-peers: -1} | 1: metrics.max-peers: -1 is out of range; 0 to 2147483647
            metrics: {max-peers: "5"} | 1: metrics.max-peers must be a number without quotes, not '5'
            metrics: {max-vnis: 1.5} | 1: metrics.max-vnis: '1.5' is not a whole number; use the digits 0 to 9
            metrics: {listen: 5} | 1: metrics.listen: '5' is not HOST:PORT, such as 127.0.0.1:14789, [::1]:14789 or :14789
            docker: {socket: d.sock} | 1: docker.socket: 'd.sock' is not a path that begins with /
            interfaces: {keep: 10 min} | 1: interfaces.keep: '10 min' is not a duration such as 10m, 90s, 1h30m or 600 (seconds)
            interfaces: {keep: 367d} | 1: interfaces.keep: '367d' is out of range; 0s to 366d
            interfaces: {include: eth0} | 1: interfaces.include must be a list, not 'eth0'; write [eth0]
            interfaces: {include: []} | 1: interfaces.include is empty, so nothing would be attached to; delete the line to include all
            interfaces: {exclude: [a,\\n {b: c}]} | 2: interfaces.exclude must be a list of words, and has keys with values
            interfaces: {exclude: [a/b]} | 1: interfaces.exclude: 'a/b' is not a name, a glob such as eth*, an address, or a prefix such as 10.0.0.0/8
            interfaces: text | 1: interfaces must hold keys with values, not 'text'
            [a] | 1: the file must hold keys with values, not a list
            [a]: b | 1: a key must be a word, not a list
            !x {port: 1} | 1: the file must hold keys with values, not the tag !x
            rules: {vnis: {abc: {}}} | 1: rules.vnis: 'abc' is not a VNI; write 0 to 16777215 with digits 0 to 9, or hexadecimal with 0x, or a range FIRST-LAST, or 'any'
            rules: {vnis: {1-5: {}, 4: {}}} | 1: rules.vnis.4: VNI 4 has a rule already, that of '1-5'
            rules: {vnis: {1: {}, 0x1: {}}} | 1: rules.vnis.0x1: VNI 1 has a rule already, that of '1'
            rules: {vnis: {0-32767: {}, 40000: {}}} | 1: rules.vnis has rules for more than 32768 VNIs; use the default rule
            rules: {default: {unverified: true, plaintext: drop}} | 1: rules.default: 'unverified: true' and 'plaintext: drop' exclude each other; one repairs plaintext, the other drops it
            rules: {default: {unverified: true},\\n vnis: {5: {plaintext: drop}}} | 2: rules.vnis.5: 'unverified: true' and 'plaintext: drop' exclude each other; one repairs plaintext, the other drops it
            a: b: c | 1: not YAML: mapping values are not allowed here
            port: *x | 1: not YAML: found undefined alias x
            a:\\n\\t- b | 2: not YAML: while scanning for the next token: found character '\\t(TAB)' that cannot start any token. (Do not use \\t(TAB) for indentation)
            --- 1\\n--- 2 | 2: not YAML: expected a single document in the stream: but found another document
            """)
    void whatIsWrong(String text, String problem) throws IOException {
        // A tab in the message stands there escaped.
        assertThat(problems(text.replace("\\n", "\n").replace("\\t", "\t"))).isEqualTo(problem);
    }

    @Test
    void allProblemsAtOnceByLine() throws IOException {
        assertThat(problems("port: 0\nlog: {format: xml}\ninterfaces:\n  keep: x\nfoo: 1\nport: 2\n")
                        .lines()
                        .map(line -> line.substring(0, 2)))
                .containsExactly("1:", "2:", "4:", "5:", "6:");
    }

    @Test
    void notMoreThanAScreenful() throws IOException {
        String many = IntStream.range(0, 3000).mapToObj(i -> "k" + i + ": 1\n").collect(Collectors.joining());
        assertThat(problems(many).lines()).hasSize(51).last().isEqualTo("and 2950 more problems");
        assertThat(problems("port: " + "9".repeat(200_000)).length()).isLessThan(500);
        assertThat(problems("\"\\e[31m\\n\\u202e\": 1")).startsWith("1: unknown key '\\x1b[31m\\n\\u202e'");
    }

    static List<Hostile> hostile() {
        StringBuilder bomb = new StringBuilder("a0: &a0 [x, x]\n");
        StringBuilder merges = new StringBuilder("a0: &a0 {k: 1}\n");
        for (int i = 1; i < 60; i++) {
            String before = "*a" + (i - 1);
            bomb.append("a" + i + ": &a" + i + " [" + before + ", " + before + "]\n");
            merges.append("a" + i + ": &a" + i + " {<<: [" + before + ", " + before + "]}\n");
        }
        byte[] binary = new byte[4096];
        new Random(1).nextBytes(binary);
        return List.of(
                new Hostile("10 MB", "#".repeat(10 << 20), "is longer than 256 KiB"),
                new Hostile("bomb", bomb.toString(), "aliases"),
                new Hostile("merges", merges.toString(), "aliases"),
                new Hostile("itself", "rules: &r {vnis: *r}\n", "is not a VNI"),
                new Hostile("lists", "[".repeat(100_000), "1: is nested more than 16 levels deep"),
                new Hostile("keys", "? ".repeat(100_000), "1: is nested more than 16 levels deep"),
                new Hostile("object", "port: !!java.lang.Runtime {}\n", "java.lang.Runtime"),
                new Hostile("environment", "port: ${HOME}\n", "ENV_VARIABLE"),
                new Hostile("control", "a: 1\nb: \u0007\n", "2: has the control character U+0007"),
                new Hostile("null", "port: 1\n\u0000", "2: has the control character U+0000"),
                new Hostile("binary", binary, "is not UTF-8 text"),
                new Hostile(
                        "latin1", "port: 1\n# \u00e9\n".getBytes(StandardCharsets.ISO_8859_1), "2: is not UTF-8 text"),
                new Hostile("utf16", "port: 1".getBytes(StandardCharsets.UTF_16), "1: is not UTF-8 text"),
                new Hostile("stars", "interfaces: {include: ['" + "*a".repeat(50) + "']}", "more than 3 stars"),
                new Hostile("braces", "interfaces: {include: ['" + "{,}".repeat(42) + "x']}", "lists in braces"),
                new Hostile("ranges", overlapping(), "has rules for more than 32768 VNIs"),
                new Hostile("problems", "port: 0\n" + "a: 1\n".repeat(40_000), "more"),
                new Hostile("names", "interfaces: {exclude: [" + "a,".repeat(300) + "]}", "more than 256 elements"));
    }

    /** Each range is small in the file and large in memory. */
    private static String overlapping() {
        return IntStream.range(0, 300)
                .mapToObj(i -> "0-" + (32_767 - i) + ": {}")
                .collect(Collectors.joining(", ", "rules: {vnis: {", "}}"));
    }

    record Hostile(String name, byte[] bytes, String problem) {
        Hostile(String name, String text, String problem) {
            this(name, text.getBytes(StandardCharsets.UTF_8), problem);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    @ParameterizedTest
    @MethodSource("hostile")
    @Timeout(20)
    void hostileContent(Hostile content) throws IOException {
        assertThat(problems(Files.write(folder.resolve("c.yaml"), content.bytes())))
                .contains(content.problem())
                .doesNotContain("\u001b", "\u0007");
    }

    /** Whatever stands there is read or refused with problems; nothing else is thrown. */
    @Test
    @Timeout(60)
    void anyText() throws IOException {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        List<String> words = List.of(
                "interfaces",
                "include",
                "rules",
                "vnis",
                "networks",
                "default",
                "mode",
                "auto",
                "port",
                "4789",
                "10m",
                ": ",
                ":\n",
                "\n  ",
                "\n    ",
                "\n",
                "- ",
                "[",
                "]",
                "{",
                "}",
                ", ",
                "&a ",
                "*a",
                "!t ",
                "!!int ",
                "? ",
                "| ",
                "> ",
                "\"",
                "'",
                "#",
                "%YAML 1.2\n",
                "---\n",
                "...\n",
                "\t",
                "<<: ",
                "true",
                "~",
                "0x",
                "\ud83d\ude00");
        for (int i = 0; i < 3000; i++) {
            StringBuilder text = new StringBuilder();
            for (int j = random.nextInt(40); j > 0; j--) {
                text.append(words.get(random.nextInt(words.size())));
            }
            try {
                read(text.toString());
            } catch (ConfigException e) {
                assertThat(e.getMessage())
                        .as("seed " + seed + ": " + text)
                        .isNotBlank()
                        .doesNotContain("\t");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mkdir $f | is a directory; name a file",
                "mkfifo $f | is not a regular file",
                "ln -s /dev/zero $f | is not a regular file",
                "ln -s $f $f | cannot be read: Too many levels of symbolic links",
            })
    @Timeout(20)
    void whatIsNoFile(String make, String problem) throws Exception {
        Path file = folder.resolve("odd");
        Process sh = new ProcessBuilder("sh", "-c", "f=" + file + "; " + make)
                .inheritIO()
                .start();
        assertThat(sh.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(problems(file)).startsWith(problem);
        Files.delete(file);
    }

    @Test
    void notReadable() throws IOException {
        Path file = Files.writeString(folder.resolve("c.yaml"), "port: 1");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
        Assumptions.assumeFalse(Files.isReadable(file), "root reads everything");
        assertThat(problems(file)).isEqualTo("cannot be read: permission denied; run the command as root");
    }

    @Test
    void missing() {
        Path none = folder.resolve("none.yaml");
        assertThat(ConfigFile.read(none)).isEmpty();
        ConfigSource named = ConfigSource.of(Optional.of(none), config -> config);
        assertThat(catchThrowableOfType(ConfigException.class, named::load))
                .hasMessage(none + ": there is no such file");
    }
}
