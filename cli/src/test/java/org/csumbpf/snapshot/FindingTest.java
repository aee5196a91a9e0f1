// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.csumbpf.apply.Change;
import org.csumbpf.maps.Backstop;
import org.junit.jupiter.api.Test;

class FindingTest {
    private static final Finding GRO = Finding.problem(
            Finding.Id.GRO_OFF,
            "it's",
            "GRO is off on it's",
            new Remedy(List.of("ethtool", "-K", "it's", "gro", "on"), "switches GRO on"),
            Remedy.words("or attach with --enable-gro"));

    @Test
    void commandsAreQuotedForAShell() {
        assertThat(GRO.text())
                .isEqualTo("GRO is off on it's; 'ethtool -K 'it'\\''s' gro on' switches GRO on,"
                        + " or attach with --enable-gro");
        assertThat(GRO.advice()).isEqualTo("run 'ethtool -K 'it'\\''s' gro on', or attach with --enable-gro");
    }

    @Test
    void whatRepairsNothingIsNotAdvised() {
        Finding afterTc = Finding.problem(
                Finding.Id.DEVICE_DECRYPTS_BEHIND_TC, "t0", "decrypted after tc", Preflight.USE_BACKSTOP);
        assertThat(afterTc.withBackstop(Backstop.AUTO).text()).isEqualTo("decrypted after tc");
        assertThat(afterTc.withBackstop(Backstop.NEVER).text())
                .isEqualTo("decrypted after tc; attach with --backstop always");
    }

    /** docs/findings.md has every id, in the order of the enums, and no other. */
    @Test
    void everyIdIsDocumented() throws IOException {
        List<String> documented = new ArrayList<>();
        Matcher row = Pattern.compile("(?m)^\\| (`\\w+`(?: `\\w+`)*) \\|")
                .matcher(Files.readString(Path.of("../docs/findings.md")));
        while (row.find()) {
            documented.addAll(List.of(row.group(1).replace("`", "").split(" ")));
        }
        List<String> members = List.of("id", "severity", "subject", "evidence", "remedies");
        assertThat(documented)
                .containsExactlyElementsOf(Stream.of(
                                members.stream(),
                                Arrays.stream(Finding.Id.values()).map(Finding.Id::label),
                                Arrays.stream(Change.Id.values()).map(Change.Id::label))
                        .flatMap(s -> s)
                        .toList());
    }
}
