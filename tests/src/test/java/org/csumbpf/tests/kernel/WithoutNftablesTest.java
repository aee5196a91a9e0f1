// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.csumbpf.tests.lab.Case;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A kernel without nftables. Must be the first test: the labs of all others load the nftables modules, which stay
 * loaded.
 */
@Tag("vm")
@Order(0)
@ExtendWith(KernelLog.class)
class WithoutNftablesTest {
    private static final Path BLACKLIST = Path.of("/etc/modprobe.d/csumbpf-test.conf");

    @Test
    @DisplayName("without nftables")
    void tcAlone() throws IOException {
        assertThat(Path.of("/sys/module/nf_tables"))
                .as("nf_tables, before this case")
                .doesNotExist();
        Files.writeString(BLACKLIST, "install nf_tables /bin/false\ninstall nfnetlink /bin/false\n");
        Host host = new Host("csumbpf-x", false);
        try {
            Shell.run("ip", "netns", "add", host.name).ok();
            Shell.run("ip", "-n", host.name, "link", "add", "v0", "type", "bridge")
                    .ok();
            Shell.Result attach = host.csumbpf("attach", "v0").ok();
            assertThat(attach.err())
                    .contains("no nftables backstop")
                    .contains("fragmented ESP")
                    .hasLineCount(1);
            assertThat(host.json("status").at("/attachments/0/backstop/state").asText())
                    .isEqualTo("unavailable");
            assertThat(host.json("status").at("/attachments/0/path").asText()).isEqualTo("tc");
            Shell.Result always = host.csumbpf("attach", "v0", "--backstop", "always");
            assertThat(always.code()).isEqualTo(5);
            assertThat(always.err())
                    .contains("set up the nftables backstop of v0 failed")
                    .hasLineCount(1);
            host.csumbpf("detach", "v0").ok();
            assertThat(host.csumbpf("status").ok().out()).isEqualToIgnoringNewLines("nothing is attached");
        } finally {
            Files.delete(BLACKLIST);
            Case.takeDownLater(() -> Shell.run("ip", "netns", "del", host.name));
        }
    }
}
