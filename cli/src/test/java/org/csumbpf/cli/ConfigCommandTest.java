// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.csumbpf.text.JsonTree;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** config check and config show, and the example file. */
class ConfigCommandTest {
    private static final Path EXAMPLE = Path.of("../deploy/csumbpf.yaml");

    @TempDir
    private Path folder;

    private String out;
    private String err;

    private int run(String... args) {
        Ran ran = Ran.of(args);
        out = ran.out();
        err = ran.err();
        return ran.code();
    }

    private String file(String text) throws IOException {
        return Files.writeString(folder.resolve("c.yaml"), text).toString();
    }

    private Map<?, ?> json() {
        return (Map<?, ?>) JsonTree.parse(out);
    }

    @Test
    void checkOfAGoodFile() throws IOException {
        String file = file("port: 4790\n");
        assertThat(run("config", "check", file)).as(err).isZero();
        assertThat(out).isEqualTo(file + ": no problems\n");
        assertThat(run("config", "check", "--json", file)).isZero();
        assertThat(json()).isEqualTo(Map.of("file", file, "exists", true, "problems", List.of()));
    }

    @Test
    void checkOfABadFile() throws IOException {
        String file = file("port: 0\n\nlog: {fromat: json}\n");
        assertThat(run("config", "check", file)).isEqualTo(11);
        assertThat(out).isEmpty();
        assertThat(err)
                .isEqualTo(file + ":1: port: 0 is out of range; 1 to 65535\n" + file
                        + ":3: unknown key 'fromat' in log; did you mean 'format'?\n");
        assertThat(run("config", "check", file, "--json")).isEqualTo(11);
        assertThat(json().get("exit_code")).isEqualTo(11);
        assertThat((List<?>) json().get("problems")).hasSize(2).last().satisfies(last -> {
            assertThat(((Map<?, ?>) last).get("file")).isEqualTo(file);
            assertThat(((Map<?, ?>) last).get("line")).isEqualTo(3);
            assertThat(((Map<?, ?>) last).get("problem"))
                    .isEqualTo("unknown key 'fromat' in log; did you mean 'format'?");
        });
    }

    @Test
    void aFileThatIsNamedMustBeThere() {
        for (List<String> command :
                List.of(List.of("config", "check", "none.yaml"), List.of("config", "show", "--config", "none.yaml"))) {
            assertThat(run(command.toArray(String[]::new))).isEqualTo(11);
            assertThat(err).isEqualTo("none.yaml: there is no such file\n");
        }
    }

    @Test
    void showSaysWhereEachValueIsFrom() throws IOException {
        String file = file("interfaces:\n  keep: 90s\nport: 4790\nrules: {vnis: {7: {mode: zero}}}\n");
        assertThat(run("config", "show", "--config", file, "--mode", "observe", "--keep", "5"))
                .as(err)
                .isZero();
        assertThat(out.lines().map(line -> line.replaceAll(" {2,}#", " #")))
                .contains(
                        "# " + file,
                        "  keep: 5s # option --keep",
                        "  exclude: [] # default",
                        "port: 4790 # " + file + ":3",
                        "    mode: observe # option --mode",
                        "    7:",
                        "      mode: zero # " + file + ":4");
        assertThat(run("config", "show", "--config", file, "--web-config", "web.yml"))
                .isZero();
        assertThat(out).contains("web-config: " + Path.of("web.yml").toAbsolutePath());
        assertThat(run("config", "show", "--json", "--config", file, "--mode", "observe"))
                .isZero();
        assertThat(json().get("file")).isEqualTo(file);
        assertThat(json().get("exists")).isEqualTo(true);
        Map<?, ?> settings = (Map<?, ?>) json().get("settings");
        assertThat(((Map<?, ?>) settings.get("interfaces.keep")).get("value")).isEqualTo("1m30s");
        assertThat(((Map<?, ?>) settings.get("interfaces.keep")).get("line")).isEqualTo(2);
        assertThat(((Map<?, ?>) settings.get("port")).get("value")).isEqualTo(4790);
        assertThat(((Map<?, ?>) settings.get("port")).get("origin")).isEqualTo("file");
        assertThat(((Map<?, ?>) settings.get("rules.default.mode")).get("option"))
                .isEqualTo("--mode");
        assertThat(((Map<?, ?>) settings.get("backstop")).get("origin")).isEqualTo("default");
        assertThat((List<?>) json().get("rules"))
                .singleElement()
                .satisfies(rule -> assertThat(((Map<?, ?>) rule).get("vnis")).isEqualTo("7"));
    }

    /** Whatever names are in it, also those that could steer a terminal. */
    @Test
    void whatIsShownIsAConfigurationFile() throws IOException {
        String file = file("""
                interfaces: {include: ["a:b", "true", "-x", 'q"', '10.0.0.0/8', "\\e1m"]}
                rules:
                  vnis: {"1,2-3": {}, 0x9: {mode: zero}}
                  networks: {"null": {mode: zero}, "1.5": {}, "\\n#\\u202e": {plaintext: drop}, "a b: c": {verify: 5}}
                """);
        assertThat(run("config", "show", "--config", file)).as(err).isZero();
        assertThat(out).doesNotContain("\u001b", "\u202e");
        String shown = out;
        String copy = file(shown);
        assertThat(run("config", "show", "--config", copy)).as(err + shown).isZero();
        assertThat(withoutOrigins(out)).isEqualTo(withoutOrigins(shown));
    }

    private static List<String> withoutOrigins(String text) {
        return text.lines().map(line -> line.replaceAll(" *# .*", "")).toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--verify 5 | option --verify: needs mode adjust; the mode is auto",
                "--verify 0 --mode adjust | --verify 0 is out of range; 1 to 65535",
                "--verify 5 --mode zero | --verify needs --mode adjust; the mode is zero",
                "--unverified --plaintext drop | --unverified and --plaintext drop exclude each other",
                "--keep x | 'x' is not a duration such as 10m, 90s, 1h30m or 600 (seconds)",
                "--max-peers -1 | --max-peers and --max-vnis cannot be negative",
            })
    void wrongOptions(String options, String message) {
        assertThat(run(("config show " + options).split(" "))).as(err).isEqualTo(2);
        assertThat(err).hasLineCount(1).contains(message);
    }

    @Test
    void optionsAndFileTogether() throws IOException {
        String adjust = file("rules: {default: {mode: adjust}}");
        assertThat(run("config", "show", "--config", adjust, "--verify", "5"))
                .as(err)
                .isZero();
        String drop = file("rules: {default: {plaintext: drop}}");
        assertThat(run("config", "show", "--config", drop, "--unverified")).isEqualTo(2);
        assertThat(err).contains("exclude each other");
        assertThat(run("config", "show", "--config", drop, "--unverified", "--plaintext", "pass"))
                .as(err)
                .isZero();
    }

    /** The example's keys, each without its '#', are the whole vocabulary with the defaults. */
    @Test
    void theExampleShowsTheDefaults() throws IOException {
        String text = Files.readString(EXAMPLE);
        assertThat(run("config", "check", EXAMPLE.toString())).isZero();
        assertThat(run("config", "show", "--config", EXAMPLE.toString())).isZero();
        List<String> defaults =
                out.lines().skip(1).map(line -> line.replaceAll("  +#.*", "")).toList();
        assertThat(out.lines().skip(1)).allMatch(line -> line.endsWith(":") || line.endsWith("# default"));
        String keys = text.replaceAll("(?m)^#([a-z]|  )", "$1");
        assertThat(run("config", "show", "--config", file(keys))).as(err).isZero();
        assertThat(out.lines().skip(1).map(line -> line.replaceAll("  +#.*", "")))
                .isEqualTo(defaults);
        assertThat(out.lines().skip(1)).noneMatch(line -> line.endsWith("# default"));
        String rules = keys.replaceAll("(?m)^( *)# (\\S+: \\{.*})$", "$1$2");
        assertThat(run("config", "show", "--config", file(rules))).as(err).isZero();
        assertThat(out).contains("vnis:", "networks:");
    }

    @Test
    void theExampleInTheDocumentIsGood() throws IOException {
        String document = Files.readString(Path.of("../docs/agent.md"));
        String yaml = document.substring(document.indexOf("```yaml\n") + 8);
        String file = file(yaml.substring(0, yaml.indexOf("```")));
        assertThat(run("config", "check", file)).as(err).isZero();
    }

    @Test
    void oneOfTheTwoIsNeeded() {
        assertThat(run("config")).isEqualTo(2);
        assertThat(err).isEqualTo("csumbpf config: check or show is missing; see 'csumbpf config --help'\n");
    }
}
