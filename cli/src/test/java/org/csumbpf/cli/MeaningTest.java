// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Total;
import org.csumbpf.snapshot.Verdict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The colours of a terminal are those of docs/glossary.md, which dashboard and charts have too (check-deploy). */
class MeaningTest {
    /** Meaning, terminal, sign, of what. */
    private static final Pattern ROW = Pattern.compile(
            "^\\| ([a-z ]+) \\| [a-z ]+ `#[0-9A-F]{6}` \\| (\\w+) \\| (?:`(.)`)? ?\\| ([^|]*) \\|$", Pattern.MULTILINE);

    private static final Map<String, Output.Style> STYLES = Map.of(
            "green", Output.Style.GREEN,
            "cyan", Output.Style.CYAN,
            "none", Output.Style.UNCOLORED,
            "yellow", Output.Style.YELLOW,
            "red", Output.Style.RED);

    private static Map<String, MatchResult> table() {
        try {
            return ROW.matcher(Files.readString(Path.of("../docs/glossary.md")))
                    .results()
                    .collect(Collectors.toMap(row -> row.group(1), Function.identity()));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String words(Meaning meaning) {
        return meaning.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    @ParameterizedTest
    @EnumSource
    void isInTheGlossary(Meaning meaning) {
        assertThat(table()).containsKey(words(meaning));
        MatchResult row = table().get(words(meaning));
        assertThat(meaning.style()).isEqualTo(STYLES.get(row.group(2)));
        assertThat(Character.toString(meaning.sign())).isEqualTo(row.group(3) == null ? " " : row.group(3));
    }

    @Test
    void eachColourHasOneMeaning() {
        assertThat(Arrays.stream(Meaning.values()).map(Meaning::style)).doesNotHaveDuplicates();
    }

    @Test
    void everyOutcomeIsThatOfTheGlossary() {
        List<Flow> flows = Stream.of(
                        Arrays.stream(Outcome.values()).map(o -> new Flow("1", "tc", o.label())),
                        Arrays.stream(BackstopOutcome.values()).map(o -> new Flow("1", "backstop", o.label())),
                        Arrays.stream(Total.values()).map(t -> new Flow("-", "tc", t.label())))
                .flatMap(Function.identity())
                .filter(flow -> !flow.outcome().equals("repaired"))
                .toList();
        assertThat(flows)
                .allSatisfy(flow -> assertThat(table().values().stream()
                                .filter(row -> row.group(4).contains("`" + flow.outcome() + "`"))
                                .map(row -> row.group(1)))
                        .as(flow.outcome())
                        .containsExactly(words(Meaning.of(flow))));
    }

    @Test
    void whoRepairedIsSaid() {
        assertThat(Meaning.of(new Flow("any", "tc", "repaired"))).isEqualTo(Meaning.REPAIRED_BY_TC);
        assertThat(Meaning.of(new Flow("any", "backstop", "repaired"))).isEqualTo(Meaning.REPAIRED_BY_THE_BACKSTOP);
    }

    /** Red is loss: each verdict that is red makes status end with 9. */
    @ParameterizedTest
    @EnumSource
    void aVerdictIsRedOnlyIfPacketsAreLost(Verdict.Kind kind) {
        boolean unknown = kind == Verdict.Kind.UNKNOWN;
        assertThat(Meaning.of(kind) == Meaning.LOST).isEqualTo(kind.amiss() && !unknown);
    }
}
