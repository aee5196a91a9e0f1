// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real bash completes words of csumbpf. */
class CompletionScriptsTest {
    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        CompletionScripts.main(new String[] {"../deploy/package", folder.toString()});
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    csumbpf att                              | attach
                    csumbpf vni                              | vni
                    csumbpf vni ''                           | add remove list
                    csumbpf --json stat                      | status stats
                    csumbpf --netns lo st                    | status stats
                    csumbpf attach --mo                      | --mode
                    csumbpf attach --mode re                 | recompute
                    csumbpf attach --mode = re               | recompute
                    csumbpf attach --mode =                  | auto zero recompute observe adjust
                    csumbpf attach lo --hook ''              | tcx clsact
                    csumbpf attach --plaintext drop l        | lo
                    csumbpf attach lo ''                     |
                    csumbpf attach --port ''                 |
                    csumbpf attach --vni ''                  | 4097 4098
                    csumbpf attach --vni 4097,40             | 4097,4097 4097,4098
                    csumbpf vni add lo --                    | --mode --verify --plaintext --unverified --verbose --json --no-color --netns --bpffs --help
                    csumbpf vni add lo ''                    | 4097 4098
                    csumbpf vni add lo 4097 ''               | 4097 4098
                    csumbpf help conf                        | config
                    csumbpf agent --log-format j             | json
                    csumbpf warm                             |
                    csumbpf nonsense ''                      |
                    """)
    void bash(String words, String expected) throws Exception {
        assertThat(String.join(" ", complete(words))).isEqualTo(expected == null ? "" : expected);
    }

    @Test
    void bashOffersFiles() throws Exception {
        assertThat(complete("csumbpf config check " + folder + "/csum")).containsExactly(folder + "/csumbpf.bash");
    }

    /** Names of network interfaces may hold anything but a slash and white space. */
    @Test
    void bashExpandsNoName() throws Exception {
        assertThat(run("_csumbpf_ask() { echo '$(touch " + folder + "/made)'; echo 'a;b'; }", "csumbpf attach ''"))
                .containsExactly("\\$\\(touch\\ " + folder + "/made\\)", "a\\;b");
        assertThat(folder.resolve("made")).doesNotExist();
    }

    /** Every option's name and the words that it takes are in zsh's, too; _csumbpf is parsed where there is a zsh. */
    @Test
    void zsh() throws Exception {
        assertThat(Files.readString(folder.resolve("_csumbpf")))
                .contains("'--mode=[How to repair]:MODE:(auto zero recompute observe adjust)'")
                .contains("':IFACE:_csumbpf_ask_interfaces'")
                .doesNotContain("warm")
                .doesNotContain("${DEFAULT");
        if (Stream.of("/bin/zsh", "/usr/bin/zsh").map(Path::of).anyMatch(Files::isExecutable)) {
            assertThat(new ProcessBuilder(
                                    "zsh", "-n", folder.resolve("_csumbpf").toString())
                            .inheritIO()
                            .start()
                            .waitFor())
                    .isZero();
        }
    }

    private List<String> complete(String words) throws Exception {
        return run(
                "csumbpf() { printf '%s\\n' 'eth0: csumbpf is not attached' 'vni 4097: network back' 'vni 4098: x'; }",
                words);
    }

    /** What bash offers for the last of the words, after these definitions. */
    private List<String> run(String definitions, String words) throws Exception {
        String script = ". '" + folder.resolve("csumbpf.bash") + "'; " + definitions
                + "; compopt() { :; }; COMP_WORDS=(" + words
                + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _csumbpf; printf '%s\\n' \"${COMPREPLY[@]}\"";
        Process bash = new ProcessBuilder("bash", "--norc", "-c", script)
                .redirectErrorStream(true)
                .start();
        String out = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(bash.waitFor()).as(out).isZero();
        return out.strip().isEmpty() ? List.of() : out.lines().toList();
    }
}
