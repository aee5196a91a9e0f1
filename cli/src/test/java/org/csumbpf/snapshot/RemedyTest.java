// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RemedyTest {
    @Test
    void commandsWorkInTheirNamespace() {
        assertThat(new Fix.Restore("", "eth0").command()).containsExactly("csumbpf", "restore", "eth0");
        assertThat(new Fix.Restore("n", "eth0").command())
                .containsExactly("csumbpf", "--netns", "n", "restore", "eth0");
        assertThat(new Fix.Attach("/proc/1/ns/net", "eth0", 4789).command())
                .containsExactly("csumbpf", "--netns", "/proc/1/ns/net", "attach", "eth0");
        assertThat(new Fix.SwitchGroOn("n", "eth0").command())
                .containsExactly("ip", "netns", "exec", "n", "ethtool", "-K", "eth0", "gro", "on");
        assertThat(new Fix.SwitchGroOn("/proc/1/ns/net", "eth0").command())
                .containsExactly("nsenter", "--net=/proc/1/ns/net", "--", "ethtool", "-K", "eth0", "gro", "on");
    }

    @Test
    void whatIsAboutTheHostStays() {
        assertThat(Remedy.within("n", List.of("modprobe", "-r", "esp4"))).containsExactly("modprobe", "-r", "esp4");
        assertThat(Remedy.within("n", List.of())).isEmpty();
        List<String> named = List.of("csumbpf", "--netns", "other", "restore", "eth0");
        assertThat(Remedy.within("n", named)).isEqualTo(named);
    }

    /** A second remedy is another way, which a person may choose. */
    @Test
    void theFirstRemedyDecidesWhetherAFindingCanBeFixed() {
        Fix fix = new Fix.Restore("", "eth0");
        Remedy own = new Remedy(fix.command(), "restores", Optional.of(fix));
        Remedy person = Remedy.words("or not");
        assertThat(Finding.problem(Finding.Id.HOOK_LOST, "eth0", "lost", own, person)
                        .fix())
                .contains(fix);
        assertThat(Finding.problem(Finding.Id.HOOK_LOST, "eth0", "lost", person, own)
                        .fix())
                .isEmpty();
        assertThat(Finding.problem(Finding.Id.HOOK_LOST, "eth0", "lost").fix()).isEmpty();
    }
}
