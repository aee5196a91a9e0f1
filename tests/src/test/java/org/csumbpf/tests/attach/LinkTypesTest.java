// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** attach on other types of devices: without an Ethernet header, devices named by mistake, other names. */
@Tag("root")
class LinkTypesTest {
    private static final List<String> PACKETS =
            List.of("ipv4", "ipv6", "ipv6-hop-by-hop", "ipv6-destination", "ipv6-atomic");

    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void packetsWithoutAnEthernetHeaderAreRepaired() {
        tun();
        assertThat(sent()).as("without csumbpf").isEqualTo(each("lost"));
        lab.csumbpf("attach", "t0", "--vni", "4109", "--unverified", "--backstop", "never")
                .ok();
        assertThat(sent()).as("attached").isEqualTo(each("arrived"));
        // Changing one rule or several keeps the setting that packets begin with IP.
        lab.csumbpf("vni", "add", "t0", "5", "--unverified").ok();
        lab.csumbpf("vni", "add", "t0", "7-9", "--unverified").ok();
        lab.csumbpf("vni", "add", "t0", "4109", "--unverified", "--mode", "recompute")
                .ok();
        assertThat(sent()).as("after changes, recomputed").isEqualTo(each("arrived"));
        assertThat(lab.status().orElseThrow().toString()).contains("\"repaired\"");
        lab.csumbpf("detach", "t0").ok();
        assertThat(sent()).as("detached").isEqualTo(each("lost"));
    }

    @Test
    void tunIsLeftToTheBackstop() {
        tun();
        Shell.Result refused = lab.csumbpf("attach", "t0", "--backstop", "never");
        assertThat(refused.code()).isEqualTo(5);
        assertThat(refused.err())
                .contains("ESP that t0 (tun) receives is decrypted after tc")
                .contains("; attach with --backstop always; --force")
                .doesNotContain("esp4_offload")
                .hasLineCount(1);
        assertThat(lab.traces()).isEmpty();
        String out = lab.csumbpf("attach", "t0").ok().out();
        assertThat(out).contains("path: the nftables backstop alone").doesNotContain("loaded module");
        assertThat(lab.ruleset()).contains("iif \"t0\" meta ipsec exists");
        assertThat(lab.csumbpf("status", "t0").ok().out())
                .contains("(tun) receives is decrypted after tc\n")
                .doesNotContain("--backstop");
        lab.run("nft", "flush ruleset").ok();
        assertThat(lab.csumbpf("status", "t0").ended(9).out())
                .contains("'csumbpf --netns " + lab.name + " restore t0' repairs the backstop")
                .doesNotContain("--backstop");
        lab.csumbpf("attach", "t0", "--backstop", "never", "--force").ok();
        assertThat(lab.csumbpf("status", "t0").ended(9).out())
                .contains("(tun) receives is decrypted after tc; attach with --backstop always");
        lab.csumbpf("detach", "t0").ok();
        assertThat(lab.traces()).isEmpty();
    }

    /** The table is somebody else's, so asking for the backstop again would not help. */
    @Test
    void whereThereCanBeNoBackstopItIsNotAdvised() {
        tun();
        lab.run("nft", "add table ip csumbpf; add chain ip csumbpf mine").ok();
        Shell.Result refused = lab.csumbpf("attach", "t0");
        assertThat(refused.code()).isEqualTo(5);
        assertThat(refused.err())
                .contains("is decrypted after tc", "the nftables table ip csumbpf was not made by csumbpf")
                .contains("; --force attaches anyway")
                .doesNotContain("--backstop", "esp4_offload")
                .hasLineCount(1);
    }

    @Test
    void mistakesAreRefusedWithTheReason() {
        lab.ipIn("link", "add", "vx", "type", "vxlan", "id", "5", "dstport", "4789", "local", "192.0.2.1");
        lab.ipIn("link", "add", "ifb7", "type", "ifb");
        String before = lab.ruleset();
        for (String[] mistake :
                new String[][] {{"vx", "a VXLAN device"}, {"ifb7", "an ifb device"}, {"lo", "loopback"}}) {
            Shell.Result refused = lab.csumbpf("attach", mistake[0], "--force");
            assertThat(refused.code()).as(mistake[0]).isEqualTo(5);
            assertThat(refused.err())
                    .contains("attach to " + mistake[0] + " failed: ")
                    .contains(mistake[1])
                    .contains("; attach to the interface that receives the ESP packets")
                    .hasLineCount(1);
        }
        assertThat(lab.ruleset()).isEqualTo(before);
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void alternativeNamesAreNames() {
        String other = "an-alternative-name-longer-than-15";
        lab.ipIn("link", "property", "add", "dev", "w1", "altname", "short", "altname", other);
        lab.csumbpf("attach", other, "--unverified", "--vni", "5").ok();
        assertThat(lab.csumbpf("status", "short").ok().out()).contains("w1: attached");
        lab.csumbpf("vni", "add", "short", "6", "--unverified").ok();
        assertThat(lab.rules()).containsExactly("5 auto", "6 auto");
        assertThat(lab.csumbpf("stats", other).ok().out()).contains("w1");
        assertThat(lab.csumbpf("attach", "w1", "--unverified", "--vni", "5,6")
                        .ok()
                        .out())
                .contains("nothing to change");
        lab.csumbpf("detach", other).ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void plaintextIsNotPromisedToBeDroppedWithoutTheBackstop() {
        for (String force : new String[] {"--force", "--enable-gro"}) {
            Shell.Result refused = lab.csumbpf("attach", "w1", "--plaintext", "drop", "--backstop", "never", force);
            assertThat(refused.code()).isEqualTo(5);
            assertThat(refused.err())
                    .contains("plaintext in fragments passes tc")
                    .contains("run 'csumbpf attach w1 --plaintext drop --backstop auto'")
                    .hasLineCount(1);
            assertThat(lab.traces()).isEmpty();
        }
        lab.csumbpf("attach", "w1", "--vni", "5", "--backstop", "never", "--force")
                .ok();
        assertThat(lab.csumbpf("vni", "add", "w1", "6", "--plaintext", "drop").code())
                .as("by a change of rules")
                .isEqualTo(5);
        assertThat(lab.rules()).containsExactly("5 auto");
        // Somebody else's table makes the backstop impossible.
        lab.run("nft", "add", "table", "ip", "csumbpf").ok();
        Shell.Result refused = lab.csumbpf("attach", "w1", "--vni", "5", "--plaintext", "drop", "--force");
        assertThat(refused.code()).isEqualTo(5);
        assertThat(refused.err()).contains("plaintext in fragments passes tc").contains("table ip csumbpf");
        lab.run("nft", "delete", "table", "ip", "csumbpf").ok();
    }

    private void tun() {
        lab.ipIn("tuntap", "add", "t0", "mode", "tun");
        lab.ipIn("addr", "add", "192.0.2.1/24", "dev", "t0");
        lab.ipIn("addr", "add", "2001:db8::1/64", "dev", "t0", "nodad");
        lab.ipIn("link", "set", "lo", "up");
        lab.ipIn("link", "set", "t0", "up");
    }

    private List<String> sent() {
        return lab.run(Shell.CHECKOUT.resolve("tests/lab/tun.py").toString(), "t0")
                .ok()
                .out()
                .lines()
                .toList();
    }

    private static List<String> each(String fate) {
        return PACKETS.stream().map(name -> name + " " + fate).toList();
    }
}
