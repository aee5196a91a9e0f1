// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CheckTest {
    /** docs/doctor.md has a section for every id, in the order of the enum, and no other. */
    @Test
    void eachIsInTheDocs() throws IOException {
        assertThat(Pattern.compile("^### (\\S+)$", Pattern.MULTILINE)
                        .matcher(Files.readString(Path.of("../docs/doctor.md")))
                        .results()
                        .map((MatchResult match) -> match.group(1)))
                .containsExactlyElementsOf(
                        Arrays.stream(Check.values()).map(Check::id).toList());
    }

    @Test
    void noCheckIsItsOwnCause() {
        for (Check check : Check.values()) {
            assertThat(check.causes()).doesNotContain(check);
            for (Check cause : check.causes()) {
                assertThat(cause.causes()).doesNotContain(check);
            }
        }
    }
}
