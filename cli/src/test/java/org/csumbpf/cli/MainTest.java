// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Only the subcommands that the arguments may mean are made. Users must not notice. */
class MainTest {
    private static final Set<String> ALL = Set.of(
            "attach",
            "detach",
            "discover",
            "status",
            "doctor",
            "stats",
            "serve",
            "agent",
            "vni",
            "config",
            "help",
            "restore",
            "warm-up");

    @Test
    void theOneThatIsNamed() {
        assertThat(names("attach", "w1", "--vni", "5")).containsExactly("attach");
        assertThat(names("--json", "vni", "list")).containsExactly("vni");
    }

    @Test
    void aValueThatIsNamedLikeOneDoesNotHideTheOther() {
        assertThat(names("--netns", "status", "attach", "w1")).containsExactlyInAnyOrder("status", "attach");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--version",
                "--help",
                "attach --help",
                "-h attach",
                "frobnicate",
                "@file attach",
                "help attach"
            })
    void allWhereItTakesAll(String line) {
        assertThat(names(line.split(" "))).isEqualTo(ALL);
    }

    @Test
    void helpListsThem() {
        StringWriter out = new StringWriter();
        assertThat(Main.run(new PrintWriter(out), new PrintWriter(out), "--help", "attach"))
                .isZero();
        assertThat(out.toString()).contains("detach", "stats").doesNotContain("warm-up");
    }

    @Test
    void helpOfAttachSaysWhereTheBackstopAloneRepairs() {
        StringWriter out = new StringWriter();
        assertThat(Main.run(new PrintWriter(out), new PrintWriter(out), "attach", "--help"))
                .isZero();
        assertThat(out.toString().replaceAll("\\s+", " "))
                .contains("header (tun, ipip, gre, sit, ip6tnl, ppp) the backstop alone");
    }

    private static Set<String> names(String... args) {
        return Main.commandLine(args).getSubcommands().keySet();
    }
}
