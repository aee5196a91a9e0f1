// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.desired;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.text.VniRanges;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parses and prints VNIs as people write them, and compares sets of rules. */
class RuleSetTest {
    private static final Rule AUTO = new Rule(Mode.AUTO, false, false);
    private static final Rule DROP = new Rule(Mode.ZERO, true, false);

    private static final String NUMBER = "(?:0[xX][0-9a-fA-F]+|[0-9]+)";
    private static final String ITEM = "[\\x00- ]*" + NUMBER + "[\\x00- ]*(?:-[\\x00- ]*" + NUMBER + "[\\x00- ]*)?";
    private static final Pattern FORM = Pattern.compile(ITEM + "(?:," + ITEM + ")*");
    private static final String[] PIECES = {
        "0",
        "1",
        "7",
        "9",
        "0x",
        "0X",
        "f",
        "x",
        ",",
        ",",
        "-",
        "-",
        " ",
        "any",
        "16777215",
        "16777216",
        "32767",
        "+",
        ".",
        "e",
        "\u0665",
        "\uff11",
        "\n",
        "\u0000",
        "\u001b",
        "\u202e",
        "\ud800",
        "\ud83d\ude00",
        "99999999999999999999",
        "''"
    };

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "5 | 5",
                "0x100d | 4109",
                "0X10 | 16",
                "0,16777215 | 0,16777215",
                "3-5,7,6 | 3-7",
                "1,1,1 | 1",
                " 9 - 11 | 9-11",
                "0x10-0x12 | 16-18",
            })
    void listsAndRanges(String text, String expected) {
        TreeSet<Vni> vnis = VniRanges.parse(text);
        assertThat(VniRanges.format(vnis)).isEqualTo(expected);
        assertThat(VniRanges.parse(VniRanges.format(vnis))).isEqualTo(vnis);
    }

    /** Compared with a pattern and big integers: the text is parsed correctly, or refused with a message. */
    @Test
    void anythingIsUnderstoodOrRefused() {
        long seed = Long.getLong("csumbpf.fuzz.seed", System.nanoTime());
        Random random = new Random(seed);
        int taken = 0;
        for (int i = 0; i < Integer.getInteger("csumbpf.fuzz.count", 120_000); i++) {
            StringBuilder text = new StringBuilder();
            for (int pieces = random.nextInt(7); pieces >= 0; pieces--) {
                text.append(PIECES[random.nextInt(PIECES.length)]);
            }
            String about = "seed " + seed + ": '" + text + "'";
            Optional<TreeSet<Vni>> expected = expected(text.toString());
            try {
                assertThat(VniRanges.parse(text.toString())).as(about).isEqualTo(expected.orElse(null));
                taken++;
            } catch (IllegalArgumentException e) {
                assertThat(expected).as(about).isEmpty();
                assertThat(e.getMessage()).as(about).isNotBlank();
            }
        }
        assertThat(taken).isPositive();
    }

    private static Optional<TreeSet<Vni>> expected(String text) {
        if (!FORM.matcher(text).matches()) {
            return Optional.empty();
        }
        TreeSet<Vni> vnis = new TreeSet<>();
        for (String item : text.split(",")) {
            String[] ends = item.split("-");
            BigInteger first = big(ends[0].trim());
            BigInteger last = big(ends[ends.length - 1].trim());
            if (last.compareTo(BigInteger.valueOf(Vni.MAX)) > 0
                    || first.compareTo(last) > 0
                    || vnis.size() + last.longValue() - first.longValue() + 1 > VniRanges.MAX) {
                return Optional.empty();
            }
            for (int vni = first.intValue(); vni <= last.intValue(); vni++) {
                vnis.add(new Vni(vni));
            }
        }
        return Optional.of(vnis);
    }

    private static BigInteger big(String number) {
        boolean hex = number.startsWith("0x") || number.startsWith("0X");
        return hex ? new BigInteger(number.substring(2), 16) : new BigInteger(number);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "16777216 | out of range",
                "0x1000000 | out of range",
                "18446744073709551615 | out of range",
                "99999999999999999999 | out of range",
                "-1 | '-1' has no start; a VNI is 0 to 16777215, a range FIRST-LAST",
                "1- | '1-' has no end; a VNI is 0 to 16777215, a range FIRST-LAST",
                "- | has no start",
                "-- | is not a VNI and not a range",
                "+5 | is not a VNI",
                "0x-5 | is not a VNI",
                "any,5 | 'any,5': 'any' covers every VNI; leave out the others",
                "'' | '' contains no VNI; write 0 to 16777215",
                "' ' | contains no VNI",
                "\u0665 | is not a VNI; write 0 to 16777215 with digits 0 to 9",
                "\uff15 | is not a VNI",
                "0x\uff15 | is not a VNI",
                "1-\u0665 | is not a VNI",
                "9-3 | write 3-9",
                "1-2-3 | is not a VNI and not a range",
                "1,,2 | '1,,2' has a comma without a VNI on one side",
                ", | a comma without a VNI",
                "0x | is not a VNI",
                "five | is not a VNI",
                "0-16777215 | more than 32768 VNIs; write 'any'",
            })
    void whatIsNone(String text, String complaint) {
        assertThatThrownBy(() -> VniRanges.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(complaint);
    }

    @Test
    void differencesInWordsAndInMapElements() {
        RuleSet from = new RuleSet(4789, false, Optional.empty(), Map.of(new Vni(1), AUTO, new Vni(2), AUTO));
        RuleSet to = new RuleSet(
                7789, false, Optional.of(DROP), Map.of(new Vni(2), DROP, new Vni(4), AUTO, new Vni(5), AUTO));
        assertThat(RuleChanges.between(from, to))
                .containsExactly(
                        "port 4789 -> 7789",
                        "added the rule for any vni: mode zero, plaintext drop",
                        "added vni 4-5: mode auto, plaintext pass",
                        "changed vni 2: mode zero, plaintext drop",
                        "removed vni 1");
        assertThat(RuleChanges.elements(from, to)).isEqualTo(5);
        assertThat(RuleChanges.between(from, from)).isEmpty();
        assertThat(RuleChanges.elements(from, from)).isZero();
    }
}
