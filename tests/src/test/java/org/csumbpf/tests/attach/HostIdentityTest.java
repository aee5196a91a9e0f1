// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Which network namespace an attachment is in. It is found wherever it is, and never taken for another one or for gone.
 */
@Tag("root")
@Timeout(180)
class HostIdentityTest {
    /** In each case no name below /run/netns and no process has the namespace. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            bind mount                      | mkdir /run/x; touch /run/x/ns; mount --bind /run/netns/n /run/x/ns
            odd path                        | mkdir $'/run/a \\\\\\xfc'; touch $'/run/a \\\\\\xfc/ns'; mount --bind /run/netns/n $'/run/a \\\\\\xfc/ns'
            mount of another mount namespace| touch /run/ns; unshare -m sh -c 'mount --bind /run/netns/n /run/ns; exec sleep 1000' & sleep 0.5
            descriptor                      | sleep 1000 </run/netns/n & sleep 0.2
            descriptor of a process' link   | nsenter --net=/run/netns/n sleep 3 & sleep 0.5; sleep 1000 </proc/$!/ns/net & sleep 3
            """)
    void foundWhereverItIsHeld(String kind, String hold) {
        Shell.Result result = PrivateWorld.run("""
                add n
                ip netns exec n ethtool -K w1 gro off
                csumbpf --netns n attach w1 --unverified --vni 5 --hook clsact --enable-gro >/dev/null 2>&1
                csumbpf --netns n vni add w1 6 >/dev/null 2>&1
                %s
                umount -l /run/netns/n
                rm /run/netns/n
                csumbpf status
                csumbpf detach --all
                csumbpf status
                """.formatted(hold));
        assertThat(result.out() + result.err())
                .contains("/w1: attached (clsact")
                .contains("/w1: detached", "/w1: switched GRO off again", "/w1: removed the clsact qdisc")
                .doesNotContain("gone", "not found")
                .endsWith("nothing is attached\n");
        assertThat(result.code()).isZero();
    }

    /** Only a socket holds the namespace, which no search finds. */
    @ParameterizedTest
    @ValueSource(strings = {"clsact", "tcx"})
    void notFoundIsNotGone(String hook) {
        Shell.Result result = PrivateWorld.run("""
                add n
                csumbpf --netns n attach w1 --unverified --vni 5 --backstop never --hook %s >/dev/null
                python3 - <<-END &
                import ctypes, os, socket, time
                libc = ctypes.CDLL(None)
                own = os.open("/proc/self/ns/net", os.O_RDONLY)
                other = os.open("/run/netns/n", os.O_RDONLY)
                assert libc.setns(other, 0) == 0
                kept = socket.socket()
                assert libc.setns(own, 0) == 0
                os.close(other)
                open("/run/ready", "w").close()
                time.sleep(1000)
                END
                while [ ! -e /run/ready ]; do sleep 0.05; done
                ip netns del n
                fails 9 csumbpf status
                fails 5 csumbpf detach --all
                fails 5 csumbpf detach --all --forget
                bpftool prog show name csumbpf
                ls $pins/*/*
                """.formatted(hook));
        assertThat(result.out()).contains("network namespace not found", "attachment", "sched_cls");
        assertThat(result.err()).contains("but the program still runs there", "--netns PATH");
        assertThat(result.code()).isZero();
    }

    /**
     * In a PrivateWorld csumbpf may not see all processes, so an attachment with nftables rules may still be held. The
     * user must say that it is gone.
     */
    @Test
    void whatNobodyFindsIsForgottenWhereTheUserSaysSo() {
        Shell.Result result = PrivateWorld.run("""
                add n
                ip -n n addr add 192.0.2.1/24 dev w1
                csumbpf --netns n attach w1 --force --vni 5 --hook tcx --backstop always >/dev/null
                fails 2 csumbpf detach w1 --forget
                ip netns del n
                for i in $(seq 100); do
                	bpftool link show pinned $pins/*/*/link | grep -q 'ifindex (detached)\\|dev (detached)\\|ifindex 0' && break
                	sleep 0.1
                done
                fails 5 csumbpf detach --all
                ls $pins/*/* >/dev/null
                csumbpf detach --all --forget
                [ ! -e $pins ]
                csumbpf status
                """);
        assertThat(result.err()).contains("--forget needs --all", "if it is gone, 'csumbpf detach --all --forget'");
        assertThat(result.out()).endsWith("nothing is attached\n");
        assertThat(result.code()).as(result.out() + result.err()).isZero();
    }

    /** Runs the advice as it is printed, although the caller has an interface of the same name. */
    @Test
    void adviceNamesANamespaceWithoutAName() {
        Shell.Result result = PrivateWorld.run("""
                ip link add w0 type veth peer w1
                csumbpf attach w1 --unverified --vni 7 --backstop never >/dev/null
                add n
                mkdir "/run/a dir"
                touch "/run/a dir/ns"
                mount --bind /run/netns/n "/run/a dir/ns"
                csumbpf --netns n attach w1 --unverified --vni 5 --backstop never >/dev/null
                ip -n n link del w1
                umount /run/netns/n
                rm /run/netns/n
                advice=$(csumbpf status | sed -n "s/.*interface gone; '\\(csumbpf .*\\)' removes what is left.*/\\1/p")
                echo "advice: $advice"
                eval "$advice"
                csumbpf status
                """);
        assertThat(result.out())
                .contains("advice: csumbpf --netns '/run/a dir/ns' detach w1")
                .contains("w1: attached", "vni 7")
                .doesNotContain("w1: interface gone", "vni 5");
        assertThat(result.code()).isZero();
    }

    @Test
    void aFifoIsNoNamespace(@TempDir Path temp) {
        Path fifo = temp.resolve("fifo");
        Shell.run("mkfifo", fifo.toString()).ok();
        for (String command : new String[] {"status", "attach", "detach"}) {
            Shell.Result result = Shell.run(Shell.join(
                    new String[] {"timeout", "20"}, Shell.csumbpf("--netns", fifo.toString(), command, "w1")));
            assertThat(result.code()).as(command).isEqualTo(4);
            assertThat(result.err()).contains("no network namespace " + fifo, "is not a network namespace");
        }
        assertThat(Files.exists(fifo)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"C", "C.UTF-8"})
    void aNameInAnyBytesIsAtMostUnknown(String locale) {
        Shell.Result result = Shell.run(
                "env",
                "LC_ALL=" + locale,
                "bash",
                "-c",
                Shell.line(Shell.csumbpf()) + " --netns $'\\xfc\\u00fc' status");
        assertThat(result.code()).isEqualTo(4);
        assertThat(result.err()).contains("no network namespace").doesNotContain("internal error");
        assertThat(result.err().lines()).hasSize(1);
    }
}
