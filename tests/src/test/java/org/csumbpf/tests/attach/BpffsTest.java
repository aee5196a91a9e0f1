// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A bpffs that is elsewhere than on /sys/fs/bpf: named, configured, found in a container; and one that is none. */
@Tag("root")
@Timeout(180)
class BpffsTest {
    /** The same bpffs on /run/bpf: what is attached by way of one path is seen by way of the other. */
    private static final String ELSEWHERE = """
            add n
            mkdir /run/bpf
            mount --bind /sys/fs/bpf /run/bpf
            """;

    private static final String ATTACH = "csumbpf --netns n attach w1 --unverified --backstop never";

    @Test
    void namedOnTheCommandLine() {
        Shell.Result result = PrivateWorld.run(ELSEWHERE + """
                %s --bpffs /run/bpf
                csumbpf status
                find /run/bpf/csumbpf -name program | wc -l
                cd /run
                csumbpf --bpffs bpf detach --all
                [ ! -e $pins ] && echo "nothing is left"
                """.formatted(ATTACH));
        assertThat(result.err()).isEmpty();
        assertThat(result.out()).contains("n/w1: attached", "\n1\n", "n/w1: detached", "nothing is left");
        assertThat(result.code()).isZero();
    }

    /** The key counts for every command, the option overrides it, and without the key the file is not read. */
    @Test
    void namedInTheFile() {
        Shell.Result result = PrivateWorld.run(ELSEWHERE + """
                mkdir /run/upper /run/work
                mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
                mkdir -p /etc/csumbpf
                while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
                echo 'bpffs: /run/bpf' >/etc/csumbpf/csumbpf.yaml
                %1$s
                csumbpf status
                fails 5 csumbpf --bpffs /run status
                csumbpf detach --all
                mountpoint -q /sys/fs/bpf || echo "nothing was mounted"
                echo 'bpfs: /run/bpf' >/etc/csumbpf/csumbpf.yaml
                csumbpf status
                printf 'bpffs: /run/bpf\\nkeep: [' >/etc/csumbpf/csumbpf.yaml
                fails 11 csumbpf status
                echo 'bpffs: run/bpf' >/etc/csumbpf/csumbpf.yaml
                fails 11 csumbpf status
                """.formatted(ATTACH));
        assertThat(result.out())
                .contains("n/w1: attached", "n/w1: detached", "nothing was mounted", "nothing is attached");
        assertThat(result.err())
                .contains(
                        "csumbpf status: /run is no bpffs; run 'mount -t bpf bpf /run'",
                        "/etc/csumbpf/csumbpf.yaml:1: bpffs: 'run/bpf' is not a path that begins with /");
        assertThat(result.code()).isZero();
    }

    /** A typo must neither hide a folder of the user's nor look like "nothing is attached". */
    @Test
    void noBpffsThere() {
        Shell.Result result = PrivateWorld.run("""
                add n
                fails 5 csumbpf --bpffs /nonexistent status
                fails 5 %s --bpffs /run
                mountpoint -q /run/csumbpf || ls /run
                """.formatted(ATTACH));
        assertThat(result.err())
                .contains("csumbpf status: /nonexistent is no bpffs", "csumbpf attach: /run is no bpffs")
                .hasLineCount(2);
        assertThat(result.code()).isZero();
    }

    @Test
    void inAContainer() {
        Shell.Result result = PrivateWorld.run("""
                add n
                export container=docker
                mkdir -p /bpf
                trap 'umount /bpf 2>/dev/null || true; rmdir /bpf' EXIT
                mount --bind /sys/fs/bpf /bpf
                while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
                %1$s
                find /bpf/csumbpf -name program | wc -l
                csumbpf --netns n status
                csumbpf --netns n detach w1
                umount /bpf
                fails 5 %1$s
                rmdir /bpf
                fails 5 %1$s
                mkdir /bpf
                mountpoint -q /sys/fs/bpf || echo "nothing was mounted"
                fails 3 setpriv --bounding-set=-net_admin --inh-caps=-net_admin $launcher --netns n attach w1
                """.formatted(ATTACH).replace("$launcher", Shell.line(Shell.csumbpf())));
        assertThat(result.out()).contains("n/w1: attached", "\n1\n", "w1: detached", "nothing was mounted");
        assertThat(result.err())
                .contains(
                        "/sys/fs/bpf is no bpffs, and one that is mounted in this container would end with it; run"
                                + " 'mount -t bpf bpf /sys/fs/bpf' on the host, and start the container again\n",
                        "would end with it; give the container the volume /sys/fs/bpf:/bpf\n",
                        "give the container both of the latter (cap_add)\n")
                .doesNotContain("sudo");
        assertThat(result.code()).isZero();
    }
}
