// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Hosts on which esp4_offload would break what worked: it stays away there, and the backstop repairs alone. */
@Tag("vm")
@ExtendWith(KernelLog.class)
class OffloadHarmTest {
    private static final String A = "203.0.113.2";
    private static final String ROUTER = "203.0.113.1";
    private static final String B = "10.0.9.2";
    private static final Path MODULE = Path.of("/sys/module/esp4_offload");
    /** What is sent to the router; more than 90 bytes are compressed. */
    private static final int COMPRESSED = 1000;

    @Test
    @DisplayName("IPComp unharmed")
    void ipcomp() {
        try (EspLab lab = new EspLab()) {
            compress(lab.a, A, ROUTER, "add");
            compress(lab.nat, ROUTER, A, "add");
            assertThat(lab.loss(lab.a, ROUTER, COMPRESSED))
                    .as("IPComp before attach")
                    .isZero();

            lab.attach();
            assertThat(MODULE).doesNotExist();
            assertThat(lab.loss(lab.a, ROUTER, COMPRESSED))
                    .as("IPComp, attached")
                    .isZero();
            assertThat(lab.loss(lab.a, B)).as("overlay, attached").isZero();
            JsonNode status = lab.a.json("status", "eth0").at("/attachments/0");
            assertThat(status.get("path").asText()).isEqualTo("backstop");
            assertThat(status.get("path_text").asText()).contains("would harm this host (IPComp");

            compress(lab.a, A, ROUTER, "delete");
            compress(lab.nat, ROUTER, A, "delete");
            lab.a.csumbpf("restore", "eth0").ok();
            assertThat(MODULE).exists();
            assertThat(lab.loss(lab.a, B)).as("overlay, by tc").isZero();

            // It comes to harm: that is told, and mended by what is told.
            compress(lab.a, A, ROUTER, "add");
            compress(lab.nat, ROUTER, A, "add");
            assertThat(lab.a
                            .json("status", "eth0")
                            .at("/attachments/0/problems")
                            .toString())
                    .contains("has come to harm this host (IPComp")
                    .contains("'csumbpf --netns csumbpf-a restore eth0' unloads it");
            // What was made since holds the module; that goes with its SAs.
            compress(lab.a, A, ROUTER, "delete");
            compress(lab.nat, ROUTER, A, "delete");
            compress(lab.b, "10.99.0.2", "10.99.0.1", "comp");
            lab.a.csumbpf("restore", "eth0").ok();
            assertThat(MODULE).doesNotExist();
            assertThat(lab.loss(lab.a, B)).as("overlay, by the backstop again").isZero();
        }
    }

    /** ESP with IPComp in it for ICMP between the two, in transport mode (RFC 3173). */
    private static void compress(Host host, String own, String other, String action) {
        String in = "src " + other + " dst " + own;
        String out = "src " + own + " dst " + other;
        StringBuilder script = new StringBuilder("set -e; ");
        if (action.equals("comp")) {
            script.append("ip xfrm state add ")
                    .append(out)
                    .append(" proto comp spi 0x2001 reqid 7 mode transport comp deflate");
        } else {
            for (String way : new String[] {out, in}) {
                String comp = way + " proto comp spi 0x2001";
                String esp = way + " proto esp spi 0x2002";
                script.append("ip xfrm state ").append(action).append(' ').append(comp);
                script.append(action.equals("add") ? " reqid 7 mode transport comp deflate; " : "; ");
                script.append("ip xfrm state ").append(action).append(' ').append(esp);
                script.append(
                        action.equals("add")
                                ? " reqid 7 mode transport aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 64; "
                                : "; ");
                String dir = way.equals(out) ? "out" : "in";
                script.append("ip xfrm policy ")
                        .append(action)
                        .append(' ')
                        .append(way)
                        .append(" proto icmp dir ")
                        .append(dir);
                script.append(
                        action.equals("add")
                                ? " tmpl " + way + " proto comp reqid 7 mode transport level use tmpl " + way
                                        + " proto esp reqid 7 mode transport; "
                                : "; ");
            }
        }
        host.run("bash", "-c", script.toString()).ok();
    }
}
