// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import org.csumbpf.tests.lab.Shell;

/**
 * Runs a bash script where it can do no harm: with its own mounts, processes and network, a bpffs with the kernel's
 * default mode (1777) and an empty {@code /run}. All of it ends with the script.
 */
final class PrivateWorld {
    private static final String PRELUDE = """
            set -eu
            mount -t tmpfs none /run
            mkdir /run/netns
            mount -t bpf bpf /sys/fs/bpf
            pins=/sys/fs/bpf/csumbpf
            nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
            # add NAME: a network namespace with w0 and w1
            add() {
            	ip netns add "$1"
            	ip -n "$1" link add w0 type veth peer w1
            	ip -n "$1" link set w0 up
            	ip -n "$1" link set w1 up
            }
            # fails CODE COMMAND: it must end with this exit code
            fails() {
            	local want=$1 code=0
            	shift
            	"$@" || code=$?
            	[ $code = "$want" ] || { echo "exit code $code and not $want: $*"; exit 99; }
            }
            # hooks FILE: what of ours is in force in the network namespace that the file stands for
            hooks() {
            	nsenter --net="$1" sh -c 'tc filter show dev w1 ingress; tc qdisc show dev w1 clsact; nft list ruleset' |
            		grep -e csumbpf -e clsact || true
            }
            """;

    private PrivateWorld() {}

    static Shell.Result run(String script) {
        return run(120, script);
    }

    /** @param seconds after which the script is killed */
    static Shell.Result run(int seconds, String script) {
        String command = "csumbpf() { " + Shell.line(Shell.csumbpf()) + " \"$@\"; }\n";
        return Shell.run(
                "timeout",
                "-k",
                "5",
                Integer.toString(seconds),
                "unshare",
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "bash",
                "-c",
                PRELUDE + command + script);
    }
}
