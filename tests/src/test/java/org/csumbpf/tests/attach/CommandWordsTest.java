// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the installed command prints, and how: to terminals, pipes, full disks and parsers, in every locale. */
@Tag("root")
@Timeout(180)
class CommandWordsTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "status",
                "--json status",
                "stats",
                "vni list",
                "--help",
                "help attach",
                "--version",
                "--json vni list"
            })
    void outputThatCannotBeWrittenIsAnError(String line) {
        Shell.Result result = PrivateWorld.run("""
                fails 10 csumbpf %1$s >/dev/full
                fails 10 csumbpf %1$s >&-
                set +e
                csumbpf %1$s | exec true
                [ ${PIPESTATUS[0]} = 10 ] || { echo closed pipe; exit 99; }
                fails 10 csumbpf %1$s <&- >/dev/full 2>&-
                """.formatted(line));
        assertThat(result.code()).as(result.out()).isZero();
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines())
                .hasSize(3)
                .allMatch(error -> error.matches("csumbpf[a-z ]*: write standard output: E.*; .*'csumbpf status'"));
        assertThat(result.err()).contains("ENOSPC (No space left", "EBADF (Bad file", "EPIPE (Broken pipe)");
    }

    /** A command that fails for another reason keeps that exit code. */
    @Test
    void attachIsDoneWithoutItsOutput() {
        Shell.Result result = PrivateWorld.run("""
                add n
                fails 10 csumbpf --netns n attach w1 --unverified --backstop never >/dev/full
                fails 4 csumbpf --netns n --json attach nosuch0 >/dev/full
                fails 10 csumbpf --netns n detach w1 >&-
                csumbpf status
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out()).isEqualTo("nothing is attached\n");
        assertThat(result.err().lines()).hasSize(3);
    }

    @Test
    void whoWatchesMayGoAway() {
        Shell.Result result = PrivateWorld.run("""
                add n
                csumbpf --netns n attach w1 --unverified --backstop never >/dev/null
                set +e
                for format in '' --json; do
                	csumbpf $format --netns n stats w1 --watch 0.1 | head -1 >/dev/null
                	echo ${PIPESTATUS[0]}
                done
                csumbpf stats --watch 0.1 >/dev/full
                echo $?
                """);
        assertThat(result.out()).isEqualTo("0\n0\n10\n");
        assertThat(result.err()).hasLineCount(1).contains("ENOSPC");
    }

    @Test
    void namesThatAreNotThere() {
        Shell.Result result = PrivateWorld.run("""
                add blue
                fails 4 csumbpf --netns bleu status
                fails 4 csumbpf --netns blue status w11
                fails 4 csumbpf --netns blue stats w11
                fails 4 csumbpf --netns blue stats w11 --watch
                fails 4 csumbpf --netns blue vni list w11
                fails 4 csumbpf --netns blue vni add w11 5
                fails 4 csumbpf --netns blue attach w11
                fails 4 csumbpf --netns blue detach w11
                fails 6 csumbpf --netns blue status w1
                fails 4 csumbpf --netns blue status wlan0
                fails 4 csumbpf --netns /run/netns/bleu status
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        String[] lines = result.err().split("\n");
        assertThat(lines).hasSize(11);
        assertThat(lines[0])
                .isEqualTo("csumbpf status: no network namespace bleu; did you mean 'blue'? see 'ip netns list'");
        for (int i = 1; i <= 7; i++) {
            assertThat(lines[i])
                    .endsWith(": no interface w11 in this network namespace (ENODEV); did you mean 'w1'?"
                            + " see 'ip -n blue link'");
        }
        assertThat(lines[8]).isEqualTo("csumbpf status: csumbpf is not attached to w1; see 'csumbpf status'");
        assertThat(lines[9]).contains("no interface wlan0").doesNotContain("mean");
        assertThat(lines[10]).contains("no network namespace").doesNotContain("mean");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "LC_ALL=C",
                "LC_ALL=POSIX",
                "LANG=C",
                "LC_ALL=de_DE.ISO-8859-1",
                "LC_ALL=C.UTF-8",
                "LC_CTYPE=nonsense"
            })
    void inEveryLocaleItIsUtf8(String locale) {
        Shell.Result result = PrivateWorld.run("""
                unset LANG LC_ALL LC_CTYPE
                export %s
                add ü
                ip -n ü link add é0 type veth peer é1
                csumbpf --netns ü attach é0 --unverified --backstop never >/run/attach
                cat /run/attach >&2
                csumbpf --netns /run/netns/ü vni add é0 5 --unverified >&2
                csumbpf status >&2
                csumbpf --json status
                csumbpf --netns ü detach é0 >&2
                """.formatted(locale));
        assertThat(result.code()).as(result.err()).isZero();
        JsonNode attachment = Host.parse(result.out()).get("attachments").get(0);
        assertThat(attachment.get("interface").asText()).isEqualTo("é0");
        assertThat(attachment.get("netns_name").asText()).isEqualTo("ü");
        assertThat(result.err()).contains("é0: attached", "ü/é0: attached", "é0: detached");
    }

    /** The kernel takes nearly any byte in a name. A terminal gets no escape sequences but ours. */
    @Test
    void namesDoNotSteerTheTerminal() {
        Shell.Result result = PrivateWorld.run("""
                esc=$(printf 'e\\033[31mx')
                csi=$(printf 'a\\302\\2332Jb')
                rtl=$(printf 'a\\342\\200\\256b')
                ip netns add n
                nl=$(printf 'n\\nX: attached')
                add "$nl"
                csumbpf --netns "$nl" attach w1 --unverified --backstop never
                for name in "$esc" "$csi" "$rtl"; do
                	ip -n n link add "$name" type veth
                	csumbpf --netns n attach "$name" --unverified --backstop never
                done
                csumbpf status
                csumbpf --json status
                csumbpf stats
                csumbpf --netns n --json detach "$esc"
                # Java as the launcher runs it on a terminal.
                script -qec "$(declare -f csumbpf); csumbpf status" /dev/null
                fails 6 csumbpf --netns n status "$esc"
                fails 4 csumbpf --netns n status "$esc$esc"
                fails 4 csumbpf --netns "$esc" status
                fails 2 csumbpf "$esc" >&2
                fails 2 csumbpf attach x "--$esc" >&2
                fails 2 csumbpf attach x --vni "$esc" >&2
                fails 2 csumbpf attach x --mode "$esc" >&2
                """);
        String all = result.out() + result.err();
        assertThat(result.code()).as(all).isZero();
        assertThat(all.replaceAll("\u001b\\[(0|1|3[123])m(?!x)", "").replace("\r\n", "\n"))
                .doesNotContainPattern("[\\p{Cc}\\p{Cf}&&[^\\n]]")
                .contains("n/e\\x1b[31mx: attached", "n/a\\x9b2Jb: attached", "n/a\\u202eb: attached")
                .contains("n\\nX: attached/w1: attached")
                .doesNotContainPattern("(?m)^X: attached");
        assertThat(result.out()).as("colours on a terminal").contains("\u001b[1mn/a\\x9b2Jb\u001b[0m: attached");
        assertThat(result.err().lines()).as("each failure is one line").hasSize(7);
    }

    /** Advice can be pasted into a shell and does what it promises. */
    @Test
    void adviceSurvivesTheShell() {
        Shell.Result result = PrivateWorld.run("""
                odd=$(printf "e;\\033'[x")
                cd /run
                n='n;touch pasted'
                ip netns add "$n"
                ip -n "$n" link add "$odd" type veth
                lost=$(ip netns exec "$n" %s attach "$odd" --unverified --backstop never 2>&1) && exit 98
                echo "$lost"
                advice=${lost#*run \\'}
                eval "${advice%%\\' outside of this mount namespace}"
                csumbpf --netns "$n" status "$odd"
                [ ! -e /run/pasted ]
                ip -n "$n" link add w3 type veth
                ip -n "$n" link set w3 name "$odd$odd"
                fails 5 csumbpf --netns "$n" attach "$odd$odd" --backstop never
                """.formatted(Shell.line(Shell.csumbpf())));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.err()).contains("run 'ethtool -K $'e;\\033\\'[xe;\\033\\'[x' gro on'");
        assertThat(result.out())
                .contains(
                        "csumbpf --netns 'n;touch pasted' attach $'e;\\033\\'[x'",
                        "n;touch pasted/e;\\x1b'[x: attached");
    }

    @Test
    void failuresAreJsonObjectsToo() {
        JsonNode absent = error(4, "csumbpf --netns n --json attach w11");
        assertThat(absent.get("error").asText()).isEqualTo("no interface w11 in this network namespace (ENODEV)");
        assertThat(absent.get("next").asText()).isEqualTo("did you mean 'w1'? see 'ip -n n link'");
        assertThat(absent.get("errno").asText()).isEqualTo("ENODEV");
        assertThat(absent.get("command").asText()).isEqualTo("csumbpf attach");

        JsonNode notAttached = error(6, "csumbpf --netns n detach w1 --json");
        assertThat(notAttached.get("error").asText()).isEqualTo("csumbpf is not attached to w1");
        assertThat(notAttached.get("next").asText()).isEqualTo("see 'csumbpf status'");
        assertThat(notAttached.get("errno").isNull()).isTrue();

        JsonNode usage = error(2, "csumbpf --json vni add w1 5-1");
        assertThat(usage.get("error").asText()).isEqualTo("range 5-1 runs backwards; write 1-5");
        assertThat(usage.get("command").asText()).isEqualTo("csumbpf vni add");

        JsonNode refused = error(
                3,
                "setpriv --bounding-set=-all --inh-caps=-all "
                        + Shell.line(Shell.csumbpf("--json", "vni", "list", "w 1")));
        assertThat(refused.get("next").asText()).isEqualTo("run 'sudo csumbpf --json vni list 'w 1''");

        JsonNode groOff = error(5, "csumbpf --netns n --json attach w1 --backstop never");
        assertThat(groOff.get("error").asText()).contains("GRO is off on w1").doesNotContain("ethtool");
        assertThat(groOff.get("next").asText()).contains("'ethtool -K w1 gro on'", "--force");

        JsonNode own = error(5, "ip netns exec n " + Shell.line(Shell.csumbpf("--json", "attach", "w1")));
        assertThat(own.get("next").asText())
                .isEqualTo("run 'csumbpf --netns n --json attach w1' outside of this mount namespace");
    }

    private static JsonNode error(int code, String command) {
        Shell.Result result = PrivateWorld.run("add n\nfails " + code + " " + command + "\n");
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        JsonNode object = Host.parse(result.out());
        assertThat(object.fieldNames()).toIterable().containsExactly("error", "next", "errno", "exit_code", "command");
        assertThat(object.get("exit_code").asInt()).isEqualTo(code);
        assertThat(result.err())
                .isEqualTo(object.get("command").asText() + ": "
                        + object.get("error").asText() + "; "
                        + object.get("next").asText() + "\n");
        return object;
    }
}
