// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What status reports if somebody changed nftables. Uses the real nft(8) in a network namespace. */
@Tag("root")
@Timeout(120)
class BackstopTruthTest {
    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "replace rule ip csumbpf IF-repair handle HANDLE accept",
                "replace rule ip csumbpf IF-repair handle HANDLE accept comment \"COMMENT\"",
                "insert rule ip csumbpf IF accept",
                "delete rule ip csumbpf IF-repair handle HANDLE",
                "add table ip csumbpf { flags dormant ; }",
                "add chain ip csumbpf IF { policy drop ; }",
                "flush chain ip csumbpf IF; delete chain ip csumbpf IF;"
                        + " add chain ip csumbpf IF { type filter hook prerouting priority 10; }",
            })
    void whatSomebodyChangesIsSeenAndRepaired(String change) {
        lab.csumbpf("attach", "w1", "--vni", "4109", "--backstop", "always").ok();
        String whole = lab.ruleset();
        String prefix = "if" + lab.ifindex("w1");
        String rule = lab.run("nft", "-a", "list", "chain", "ip", "csumbpf", prefix + "-repair")
                .ok()
                .out()
                .lines()
                .filter(line -> line.contains("@if"))
                .findFirst()
                .orElseThrow();
        lab.run(
                        "nft",
                        change.replace("IF", prefix)
                                .replace("HANDLE", rule.replaceAll(".*# handle ", ""))
                                .replace("COMMENT", rule.replaceAll(".*comment \"([^\"]*)\".*", "$1")))
                .ok();
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("lost");
        assertThat(lab.csumbpf("attach", "w1", "--vni", "4109", "--backstop", "always")
                        .ok()
                        .out())
                .doesNotContain("nothing to change");
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("on");
        assertThat(lab.ruleset()).isEqualTo(whole);
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    /** libnftables 1.0.6 writes invalid JSON for the flags of a table. */
    @Test
    void aSleepingTableOfSomebodyElseIsNoObstacle() {
        lab.run("nft", "add table ip theirs { flags dormant ; }").ok();
        lab.csumbpf("attach", "w1", "--vni", "4109", "--backstop", "always").ok();
        lab.run("nft", "add table ip6 csumbpf { flags dormant ; }; add chain ip6 csumbpf mine")
                .ok();
        assertThat(lab.csumbpf("status").ok().out()).doesNotContain("lost");
    }

    /** Neither path is possible. attach reports both reasons, because fixing one of them is enough. */
    @Test
    void attachReportsWhyNeitherPathCanBeHad() {
        Assumptions.assumeTrue(
                lab.call(() -> KernelModule.state("esp4_offload")) == KernelModule.State.UNAVAILABLE,
                "for a kernel without esp4_offload: Debian's have it");
        lab.run("nft", "add table ip csumbpf; add chain ip csumbpf mine").ok();
        Shell.Result result = lab.csumbpf("attach", "w1", "--vni", "4109");
        assertThat(result.code()).isEqualTo(5);
        assertThat(result.err().strip().lines()).hasSize(1);
        assertThat(result.err())
                .contains(
                        "esp4_offload is not loaded",
                        "the nftables table ip csumbpf was not made by csumbpf",
                        "nft list table");
    }

    /** attach could not load the module, so status must not advise to attach again. */
    @Test
    void statusDoesNotAdviseWhatJustFailed() {
        Assumptions.assumeTrue(
                lab.call(() -> KernelModule.state("esp4_offload")) == KernelModule.State.UNAVAILABLE,
                "for a kernel without esp4_offload: Debian's have it");
        String out = lab.csumbpf("attach", "w1", "--vni", "4109").ok().out()
                + lab.csumbpf("status").ok().out();
        assertThat(out).contains("esp4_offload is not loaded").doesNotContain("w1' loads the module");
    }
}
