// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.csumbpf.snapshot.Verdict;
import org.junit.jupiter.api.Test;

/** The exit codes are the same in the code, the help and docs/exit-codes.md. */
class ExitCodeTest {
    @Test
    void theDocumentListsThemAll() throws IOException {
        assertThat(found(
                        "docs/exit-codes.md",
                        "(?m)^\\| (\\d+) \\| (.*?)(; a change that the command made stays)? \\|$"))
                .isEqualTo(Arrays.stream(ExitCode.values())
                        .map(code -> code.code() + " " + code.meaning())
                        .toList());
    }

    @Test
    void theDocumentSaysOfEachVerdictWhetherItIsAmiss() throws IOException {
        List<String> amiss = found("docs/exit-codes.md", "(?m)^\\| `repair ([^|]*) \\|[^|]*\\| (\\d+) \\|$");
        for (Verdict.Kind kind : Verdict.Kind.values()) {
            assertThat(amiss)
                    .filteredOn(line -> line.contains(kind.label()))
                    .singleElement()
                    .asString()
                    .endsWith(kind.amiss() ? " 9" : " 0");
        }
    }

    @Test
    void helpOfStatusSaysWhat9Is() {
        StringWriter out = new StringWriter();
        assertThat(Main.run(new PrintWriter(out), new PrintWriter(out), "status", "--help"))
                .isZero();
        assertThat(out.toString().replaceAll("\\s+", " "))
                .contains("0 if all is well or nothing is attached; 9 if something is amiss");
    }

    private static List<String> found(String file, String pattern) throws IOException {
        return Pattern.compile(pattern)
                .matcher(text(file))
                .results()
                .map((MatchResult found) -> found.group(1) + " " + found.group(2))
                .toList();
    }

    private static String text(String file) throws IOException {
        return Files.readString(Path.of("..", file));
    }
}
