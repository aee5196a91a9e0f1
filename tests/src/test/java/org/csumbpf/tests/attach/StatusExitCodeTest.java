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
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a monitoring script learns from the exit code of status alone. {@link Host#json} compares code and JSON in all
 * tests.
 */
@Tag("root")
@Timeout(180)
class StatusExitCodeTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            hook lost        | tc -n n filter del dev w1 ingress
            a pin is missing | rm $pins/*/$ifindex/program
            backstop         | nsenter --net=/run/netns/n nft flush ruleset
            cannot be checked | for file in /usr/lib/*/libnftables.so.1*; do mount --bind /dev/null "$file"; done
            moved            | ip netns add m; ip -n n link set w1 netns m
            """)
    void nineUntilItIsRestored(String words, String harm) {
        Shell.Result result = PrivateWorld.run("""
                alert() { echo "alert $?"; }
                csumbpf status
                add n
                ifindex=$(ip netns exec n cat /sys/class/net/w1/ifindex)
                csumbpf --netns n attach w0 --unverified --backstop never >/dev/null
                csumbpf --netns n attach w1 --vni 5 --hook clsact --backstop always >/dev/null
                csumbpf status >/dev/null || alert
                csumbpf --netns n status w1 >/dev/null || alert
                %s
                csumbpf status | grep -F '%s' || echo "another problem"
                csumbpf status >/dev/null || alert
                fails 9 csumbpf --json status >&2
                csumbpf --netns n status w0 >/dev/null
                fails 10 csumbpf status >/dev/full 2>/dev/null
                for file in /usr/lib/*/libnftables.so.1*; do umount "$file" 2>/dev/null || true; done
                csumbpf restore --all >/dev/null
                csumbpf status >/dev/null
                csumbpf detach --all >/dev/null
                csumbpf status
                fails 6 csumbpf --netns n status w0 2>/dev/null
                """.formatted(harm, words));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out()).startsWith("nothing is attached\n").endsWith("alert 9\nnothing is attached\n");
        assertThat(result.out()).containsOnlyOnce("alert").doesNotContain("another problem");
        JsonNode status = Host.parse(result.err());
        assertThat(status.get("amiss").asBoolean()).isTrue();
        for (JsonNode attachment : status.get("attachments")) {
            boolean harmed = attachment.get("interface").asText().equals("w1");
            assertThat(attachment.get("amiss").asBoolean()).isEqualTo(harmed);
        }
    }

    /** Nothing was lost, but neither path works, so the exit code must not be 0. */
    @Test
    void whatWasForcedIsAmissToo() {
        Shell.Result result = PrivateWorld.run("""
                ip link add w0 type veth peer w1
                ip link set w0 up
                ip link set w1 up
                ethtool -K w1 gro off
                csumbpf attach w1 --vni 5 --backstop never --force >/dev/null 2>&1
                fails 9 csumbpf status
                csumbpf stats >/dev/null
                csumbpf vni list >/dev/null
                csumbpf attach w1 --vni 5 --backstop always >/dev/null
                csumbpf status
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out()).contains("  problem   GRO is off on w1", "the nftables backstop alone");
    }
}
