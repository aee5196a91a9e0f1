// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.UpdateFlag;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An attachment that cannot be read, changed or undone does not block the others, and a helper that hangs blocks
 * nobody.
 */
@Tag("root")
@Timeout(180)
class OneOddThingTest {
    /** A value unknown to this version, in each of the maps that say how packets are treated. */
    @ParameterizedTest
    @CsvSource({
        "config, 4", // any.mode
        "first_rules, 4", // slot[0].rule.mode
        "attachment, 0", // layout
        "attachment, 8", // hook
        "attachment, 40", // options.hook
        "attachment, 41", // options.backstop
    })
    void aValueOfAnotherVersionIsShownAsSuch(String map, int offset) {
        try (Lab lab = new Lab(false)) {
            lab.csumbpf("attach", "w1", "--unverified", "--vni", "any", "--backstop", "never")
                    .ok();
            lab.csumbpf("vni", "add", "w1", "5", "--unverified").ok();
            lab.csumbpf("attach", "w3", "--unverified", "--vni", "9", "--backstop", "never")
                    .ok();
            overwrite(lab, map, offset);
            JsonNode odd = null;
            int good = 0;
            for (JsonNode attachment : lab.json("status").get("attachments")) {
                if (attachment.get("interface").asText().equals("w1")) {
                    odd = attachment;
                } else {
                    good += attachment.get("rules").size();
                }
            }
            assertThat(odd).isNotNull();
            assertThat(odd.get("state").asText()).isEqualTo("attached");
            assertThat(odd.get("problems").toString()).contains("another version of csumbpf");
            assertThat(odd.get("amiss").asBoolean()).isTrue();
            lab.csumbpf("status").ended(9);
            lab.csumbpf("status", "w3").ok();
            assertThat(good).isEqualTo(1);
            Shell.Result attach = lab.csumbpf("attach", "w1", "--unverified", "--backstop", "never");
            assertThat(attach.code()).isEqualTo(5);
            assertThat(attach.err()).contains("another version of csumbpf", "csumbpf detach");
            lab.csumbpf("detach", "--all").ok();
            assertThat(lab.traces()).isEmpty();
        }
    }

    /** Writes an invalid value: to the mode of a rule, the hook, the layout, or the backstop option. */
    private static void overwrite(Lab lab, String name, int offset) {
        try (RawMap map = RawMap.fromPin(lab.pins().resolve(name))) {
            ByteBuffer key = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder());
            ByteBuffer value = ByteBuffer.allocateDirect(map.valueBufferSize()).order(ByteOrder.nativeOrder());
            assertThat(map.lookup(key, value)).isTrue();
            value.put(offset, (byte) 0xff);
            map.update(key, value, UpdateFlag.ANY);
        }
    }

    /** A mount over a pin keeps it from being opened and from being removed. */
    @ParameterizedTest
    @CsvSource({"text", "json"})
    void detachAllGoesOnAndReportsEach(String format) {
        boolean json = format.equals("json");
        Shell.Result result = PrivateWorld.run("""
                add n
                add m
                for netns in n m; do
                	for device in w0 w1; do
                		csumbpf --netns $netns attach $device --unverified --backstop never >/dev/null
                	done
                done
                touch /run/over
                busy=$(ls -d $pins/$(stat -Lc %%i /run/netns/m)/* | head -1)/rules
                mount --bind /run/over $busy
                fails 3 csumbpf detach --all %s >/run/out
                umount $busy
                csumbpf detach --all >/run/again
                csumbpf status >>/run/again
                cat /run/%s
                """.formatted(json ? "--json" : "", json ? "out" : "out /run/again"));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        if (json) {
            JsonNode whole = Host.parse(result.out());
            assertThat(whole.get("exit_code").asInt()).isEqualTo(3);
            assertThat(whole.get("errno").asText()).isEqualTo("EACCES");
            assertThat(whole.get("error").asText()).contains("m/w", "/rules");
            JsonNode detached = whole.get("detached");
            assertThat(detached).hasSize(4);
            assertThat(detached.findValuesAsText("interface"))
                    .containsExactlyInAnyOrder("n/w0", "n/w1", "m/w0", "m/w1");
            assertThat(detached.findValuesAsText("error"))
                    .hasSize(1)
                    .first()
                    .asString()
                    .contains("/rules");
        } else {
            assertThat(result.out())
                    .contains("n/w0: detached", "n/w1: detached", "m/w0: detached", "m/w1: detached")
                    .endsWith("nothing is attached\n");
        }
        assertThat(result.err()).contains("csumbpf detach: m/w", "/rules: EACCES");
    }

    @Test
    void aModprobeThatHangsIsKilled() {
        Shell.Result result = PrivateWorld.run("""
                add n
                printf '#!/bin/sh\\necho $$ >>/run/pids\\nsleep 1234 & echo $! >>/run/pids\\nwait\\n' >/run/modprobe
                chmod 755 /run/modprobe
                mount --bind /run/modprobe $(readlink -f /sbin/modprobe)
                start=$(date +%s)
                csumbpf --netns n attach w1
                echo "took $(($(date +%s) - start)) s"
                for pid in $(cat /run/pids); do
                	[ ! -e /proc/$pid ] || grep -q '^State:.*zombie' /proc/$pid/status || echo "left process $pid"
                done
                csumbpf status
                csumbpf detach --all
                """);
        assertThat(result.out()).contains("n/w1: attached", "n/w1: detached").doesNotContain("left process");
        int seconds = Integer.parseInt(result.out().replaceAll("(?s).*took (\\d+) s.*", "$1"));
        assertThat(seconds).isBetween(12, 40);
        assertThat(result.code()).isZero();
    }

    @Test
    void theLockNamesItsHolder() {
        Shell.Result result = PrivateWorld.run("""
                add n
                csumbpf --netns n attach w1 --unverified --backstop never >/dev/null
                flock /run/csumbpf/lock sh -c 'echo $PPID >/run/holder; exec sleep 1000' &
                while [ ! -s /run/holder ]; do sleep 0.05; done
                fails 8 csumbpf --netns n detach w1
                echo "holder $(cat /run/holder)"
                """);
        String holder = result.out().strip().replace("holder ", "");
        assertThat(result.err()).contains("another csumbpf command (process " + holder + ") holds the lock");
        assertThat(result.code()).isZero();
    }
}
