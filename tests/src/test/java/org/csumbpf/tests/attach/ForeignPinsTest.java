// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Foreign files where pins belong, and a bpffs that cannot be written to. */
@Tag("root")
@Timeout(180)
class ForeignPinsTest {
    private static final String ATTACH = "csumbpf --netns n attach w1 --unverified --vni 5 --backstop never";

    /** bpffs has mode 1777 here, the kernel's default. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            root directory | nobody mkdir $pins
            link           | nobody ln -s $target $pins
            link below     | nobody mkdir $pins; nobody mkdir $pins/$inode; nobody ln -s $target $pins/$inode/$ifindex
            """)
    void whatNobodyMadeLeadsNowhere(String kind, String make) {
        Shell.Result result = PrivateWorld.run("""
                add n
                inode=$(stat -Lc %%i /run/netns/n)
                ifindex=$(ip netns exec n cat /sys/class/net/w1/ifindex)
                target=/sys/fs/bpf/target
                mkdir -m 755 $target
                bpftool map create $target/link type array key 4 value 4 entries 1 name kept
                bpftool map create $target/precious type array key 4 value 4 entries 1 name kept
                %s
                fails 5 %s
                fails 5 csumbpf --netns n detach w1
                csumbpf status
                csumbpf detach --all
                ls $target
                ip netns exec n bpftool net show dev w1 | grep csumbpf || echo "not attached"
                """.formatted(make, ATTACH));
        assertThat(result.out()).contains("nothing is attached", "link\nprecious\n", "not attached");
        assertThat(result.err())
                .contains("csumbpf attach: /sys/fs/bpf/csumbpf ", "csumbpf: warning: /sys/fs/bpf/csumbpf ")
                .contains("so csumbpf does not use it");
        assertThat(result.code()).isZero();
    }

    @Test
    void pinsAreForRootAlone() {
        Shell.Result result = PrivateWorld.run("""
                add n
                mkdir -m 755 $pins # of an earlier version
                %s
                find $pins -type d -exec stat -c '%%a %%u' {} +
                nobody ls $pins 2>/dev/null && echo "open to others" || true
                nobody flock -n /run/csumbpf true 2>/dev/null && echo "can be locked by others" || true
                nobody flock -n $pins true 2>/dev/null && echo "can be locked by others" || true
                csumbpf detach --all
                """.formatted(ATTACH));
        assertThat(result.out())
                .contains("700 0\n700 0\n700 0\n")
                .contains("n/w1: detached")
                .doesNotContain("others");
        assertThat(result.code()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"123/99999999999", "123/0", "123/007", "123/x", "99999999999999999999/1", "-5/3", "x y/1"})
    void oddNamesAreIgnoredAndNamed(String odd) {
        Shell.Result result = PrivateWorld.run("""
                add n
                %s
                mkdir -p "$pins/%s"
                csumbpf status
                csumbpf detach --all
                csumbpf status
                ls -d "$pins/%s"
                """.formatted(ATTACH, odd, odd));
        String named = odd.startsWith("123/") ? odd : odd.substring(0, odd.indexOf('/'));
        assertThat(result.out()).contains("n/w1: attached", "n/w1: detached").contains("nothing is attached");
        assertThat(result.err())
                .contains("csumbpf: warning: /sys/fs/bpf/csumbpf/" + named + " is ignored: csumbpf did not make it")
                .doesNotContain("internal error");
        assertThat(result.code()).isZero();
    }

    @Test
    void aReadOnlyBpffsIsRefusedBeforeAnythingIsDone() {
        Shell.Result result = PrivateWorld.run("""
                add n
                mount -o remount,ro /sys/fs/bpf
                fails 5 %s
                hooks /run/netns/n
                mount -o remount,rw /sys/fs/bpf
                %s
                mount -o remount,ro /sys/fs/bpf
                fails 5 csumbpf --netns n detach w1
                fails 5 csumbpf detach --all
                fails 9 csumbpf status
                mount -o remount,rw /sys/fs/bpf
                csumbpf --netns n detach w1
                hooks /run/netns/n
                """.formatted(ATTACH, ATTACH));
        assertThat(result.out())
                .contains("/attachment: EROFS", "csumbpf cannot check whether packets are repaired")
                .endsWith("w1: detached\n")
                .doesNotContain("clsact");
        assertThat(result.err())
                .contains("mounted read-only", "EROFS", "'mount -o remount,rw /sys/fs/bpf'")
                .doesNotContain("internal error");
        assertThat(result.code()).isZero();
    }

    @Test
    void noBpffsAndNoRightToMountOne() {
        Shell.Result result = PrivateWorld.run("""
                ip link add w0 type veth peer w1
                while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
                fails 3 setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon %s attach w1 --unverified --backstop never
                tc qdisc show dev w1 clsact
                """.formatted(Shell.line(Shell.csumbpf())));
        assertThat(result.err()).contains("mount bpffs on /sys/fs/bpf: EPERM").doesNotContain("internal error");
        assertThat(result.out()).isEmpty();
        assertThat(result.code()).isZero();
    }

    /** Capabilities do not make a user the owner: root's bpffs stays closed to them. */
    @ParameterizedTest
    @ValueSource(strings = {"0700", "1777"})
    void whoMayNotReadGetsAnErrorThatSaysSo(String mode) {
        Shell.Result result = PrivateWorld.run("""
                add n
                chmod %s /sys/fs/bpf
                %s
                fails 3 setpriv --reuid=65534 --clear-groups --inh-caps=+bpf,+net_admin --ambient-caps=+bpf,+net_admin %s status
                """.formatted(mode, ATTACH, Shell.line(Shell.csumbpf())));
        assertThat(result.err()).contains("open directory /sys/fs/bpf/csumbpf: EACCES");
        assertThat(result.out()).doesNotContain("nothing is attached");
        assertThat(result.code()).isZero();
    }
}
