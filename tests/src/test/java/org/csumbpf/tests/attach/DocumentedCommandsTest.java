// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs the blocks of code that follow {@code <!-- run -->} in a document, one after another, on a host with an eth0. In
 * a block with a prompt only the lines with one are commands. A block may end with 9, which means that status found
 * something amiss: here are no SAs.
 */
@Tag("root")
class DocumentedCommandsTest {
    private static final String MARK = "<!-- run -->";
    private static final String INDENT = "    ";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "README.md",
                "docs/docker-swarm.md",
                "docs/doctor.md",
                "docs/exit-codes.md",
                "docs/findings.md",
                "docs/modes.md"
            })
    void commandsOfADocumentRun(String document) throws IOException {
        List<String> blocks = blocks(Files.readAllLines(Shell.CHECKOUT.resolve(document)));
        assertThat(blocks).isNotEmpty();
        StringBuilder script = new StringBuilder("""
                ip link add eth0 type veth peer name peer0
                ip address add 192.0.2.1/24 dev eth0
                ip link set eth0 up
                ip link set peer0 up
                ip link set lo up
                alert() { echo "alert: $*"; }
                sleep() { :; }
                # What is installed or built elsewhere is only looked up.
                make() { command make -n -C %s "$@" >/dev/null; }
                """.formatted(Shell.line(Shell.CHECKOUT.toString())));
        for (String block : blocks) {
            // Not as part of a condition, in which bash ignores set -e.
            script.append("set +e\n(set -e\n")
                    .append(block)
                    .append(")\ncode=$?\nset -e\n")
                    .append("case $code in 0 | 9) ;; *) echo \"exit code $code\" >&2; exit 1 ;; esac\n");
        }
        Shell.Result result = PrivateWorld.run(script.toString());
        assertThat(result.code())
                .as("%s%n%s%n%s", script, result.out(), result.err())
                .isZero();
    }

    /** Every document that has a marked block is a parameter above. */
    @ParameterizedTest
    @ValueSource(strings = {".", "docs", "deploy"})
    void noMarkedDocumentIsForgotten(String directory) throws IOException {
        String self = Files.readString(
                Shell.CHECKOUT.resolve("tests/src/test/java/org/csumbpf/tests/attach/DocumentedCommandsTest.java"));
        try (Stream<Path> files = Files.list(Shell.CHECKOUT.resolve(directory))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".md")).toList()) {
                if (Files.readAllLines(file).contains(MARK)) {
                    Path name = Shell.CHECKOUT.relativize(file.normalize());
                    assertThat(self).contains("\"" + name + "\"");
                }
            }
        }
    }

    private static List<String> blocks(List<String> lines) {
        List<String> blocks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (!lines.get(i).equals(MARK)) {
                continue;
            }
            List<String> block = lines.subList(i + 1, lines.size()).stream()
                    .dropWhile(String::isEmpty)
                    .takeWhile(line -> line.startsWith(INDENT))
                    .map(line -> line.substring(INDENT.length()))
                    .toList();
            assertThat(block)
                    .as("no block of code after %s in line %d", MARK, i + 1)
                    .isNotEmpty();
            boolean prompts = block.stream().anyMatch(line -> line.startsWith("$ "));
            StringBuilder script = new StringBuilder();
            for (String line : block) {
                if (!prompts) {
                    script.append(line).append('\n');
                } else if (line.startsWith("$ ")) {
                    script.append(line.substring(2)).append('\n');
                }
            }
            blocks.add(script.toString());
        }
        return blocks;
    }
}
