// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Names that are not UTF-8: to the kernel a name is bytes. */
@Tag("root")
@Timeout(180)
class OddNamesTest {
    /** The address adds a line to /proc/net/if_inet6, where the kernel writes names as raw bytes. */
    private static final String BRIDGE = """
            ip -n n link add $'br\\xe9' type bridge
            ip -n n link set $'br\\xe9' up
            ip -n n addr add 2001:db8::1/64 dev $'br\\xe9'
            """;

    @Test
    void anotherInterfacesNameIsNoObstacle() {
        Shell.Result result = PrivateWorld.run("""
                add n
                csumbpf --netns n attach w1 --backstop always
                """ + BRIDGE + """
                csumbpf status
                csumbpf --netns n attach w1 --backstop always
                csumbpf detach --all
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("nftables backstop", "n/w1: attached", "n/w1: removed the nftables backstop")
                .doesNotContain("cannot be read");
    }

    @Test
    void anAttachmentOfSuchANameIsShownEscapedAndCanBeNamed() {
        Shell.Result result = PrivateWorld.run("""
                add n
                ip -n n link set w1 down
                ip -n n link set w1 name $'w\\xe9'
                ip -n n link set $'w\\xe9' up
                csumbpf --netns n attach $'w\\xe9' --unverified --vni 5 --backstop never >/run/out
                csumbpf --netns n vni add 'w\\xe9' 6 --unverified >>/run/out
                csumbpf status >>/run/out
                csumbpf status --json >>/run/out
                ip link set lo up
                csumbpf serve --listen 127.0.0.1:15555 >/run/log 2>&1 &
                until curl -sf http://127.0.0.1:15555/metrics >>/run/out; do sleep 0.1; done
                ip -n n link del $'w\\xe9'
                fails 9 csumbpf status >>/run/out
                csumbpf --netns n detach 'w\\xe9' >>/run/out
                cat /run/out
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains(
                        "n/w\\xe9: attached (tcx",
                        "\"interface\" : \"w\\\\xe9\"",
                        "csumbpf_attached{interface=\"w\\\\xe9\",netns=\"n\"} 1.0",
                        "csumbpf_rules{interface=\"w\\\\xe9\",netns=\"n\"} 2.0",
                        "'csumbpf --netns n detach 'w\\xe9''")
                .doesNotContain("\ufffd");
    }

    /** libnftables ends the process if it must write such a name as JSON. */
    @Test
    void theBackstopWorksOnADeviceOfSuchAName() {
        Shell.Result result = PrivateWorld.run("""
                add n
                nft() { nsenter --net=/run/netns/n nft "$@"; }
                csumbpf --netns n attach w1 --vni 5 --backstop always >/run/out
                ip -n n link set w1 down
                ip -n n link set w1 name $'w\\xe9'
                csumbpf status >>/run/out
                csumbpf --netns n vni add $'w\\xe9' 6 >>/run/out
                csumbpf --netns n detach $'w\\xe9' >/dev/null
                [ -z "$(nft list ruleset)" ]
                csumbpf --netns n attach $'w\\xe9' --vni 5 --backstop always >>/run/out
                csumbpf --netns n attach $'w\\xe9' --vni 5 --backstop always >>/run/out
                csumbpf detach --all >>/run/out
                [ -z "$(nft list ruleset)" ]
                cat /run/out
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains("w\\xe9: added vni 6", "w\\xe9: changed the nftables backstop", "w\\xe9: nothing to change")
                .doesNotContain("lost");
    }
}
