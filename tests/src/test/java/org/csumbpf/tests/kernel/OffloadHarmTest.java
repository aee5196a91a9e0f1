// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Hosts on which esp4_offload would break what worked. attach does not load the module there, and the backstop alone
 * repairs.
 */
@Tag("vm")
@ExtendWith(KernelLog.class)
class OffloadHarmTest {
    private static final String A = "203.0.113.2";
    private static final String ROUTER = "203.0.113.1";
    private static final String B = "10.0.9.2";
    private static final Path MODULE = Path.of("/sys/module/esp4_offload");
    /** Size of the pings to the router. More than 90 bytes are compressed. */
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
            assertThat(status.get("path_text").asText()).contains("would break traffic on this host (IPComp");

            compress(lab.a, A, ROUTER, "delete");
            compress(lab.nat, ROUTER, A, "delete");
            lab.a.csumbpf("restore", "eth0").ok();
            assertThat(MODULE).exists();
            assertThat(lab.loss(lab.a, B)).as("overlay, by tc").isZero();

            // The loaded module becomes harmful: status reports that, and its advice fixes it.
            compress(lab.a, A, ROUTER, "add");
            compress(lab.nat, ROUTER, A, "add");
            assertThat(lab.a
                            .json("status", "eth0")
                            .at("/attachments/0/problems")
                            .toString())
                    .contains("now breaks traffic on this host (IPComp")
                    .contains("'csumbpf --netns csumbpf-a restore eth0' unloads the module");
            // SAs made since then hold the module, so they are deleted, too.
            compress(lab.a, A, ROUTER, "delete");
            compress(lab.nat, ROUTER, A, "delete");
            compress(lab.b, "10.99.0.2", "10.99.0.1", "comp");
            lab.a.csumbpf("restore", "eth0").ok();
            assertThat(MODULE).doesNotExist();
            assertThat(lab.loss(lab.a, B)).as("overlay, by the backstop again").isZero();
        }
    }

    /**
     * Host b's address is on a bridge of Open vSwitch, whose internal port removes the IPsec state of packets decrypted
     * before it.
     */
    @Test
    @DisplayName("Open vSwitch unharmed")
    void openVswitch() {
        String plain = "10.0.10.2";
        try (EspLab lab = new EspLab("UNDERLAY=ovs", "VNIS=4109 4110")) {
            withoutChecksums(lab.a, A, "203.0.113.10", 1);
            withoutChecksums(lab.b, "10.99.0.2", A, 2);
            assertThat(lab.loss(lab.a, B)).as("overlay before attach").isEqualTo(100);
            assertThat(lab.loss(lab.a, plain))
                    .as("overlay without checksums, before attach")
                    .isZero();

            lab.a.csumbpf("attach", "eth0").ok();
            for (String device : new String[] {"eth0", "br0"}) {
                lab.b.csumbpf("attach", device).ok();
                assertThat(MODULE).doesNotExist();
                for (int size : new int[] {56, 1396}) {
                    assertThat(lab.loss(lab.a, B, size))
                            .as("overlay, attached to " + device)
                            .isZero();
                    assertThat(lab.loss(lab.a, plain, size))
                            .as("overlay without checksums, attached to " + device)
                            .isZero();
                }
                JsonNode status = lab.b.json("status", device).at("/attachments/0");
                assertThat(status.get("path").asText()).isEqualTo("backstop");
                assertThat(status.get("path_text").asText()).contains("would break traffic on this host (Open vSwitch");
                assertThat(status.get("problems")).isEmpty();
                assertThat(lab.b.repaired("backstop")).isGreaterThanOrEqualTo(10);
                if (device.equals("eth0")) {
                    lab.b.csumbpf("detach", device).ok();
                }
            }

            // Somebody loads the module all the same: status reports that and what to do.
            Shell.run("modprobe", "esp4_offload").ok();
            try {
                assertThat(lab.b
                                .json("status", "br0")
                                .at("/attachments/0/problems")
                                .toString())
                        .contains(
                                "esp4_offload, which csumbpf did not load, can break traffic on this host (Open vSwitch")
                        .contains("'modprobe -r esp4_offload' unloads the module");
                if (!KernelRelease.current().atLeast(7, 3)) {
                    assertThat(lab.loss(lab.a, plain))
                            .as("overlay without checksums, with the module")
                            .isEqualTo(100);
                }
                assertThat(lab.b.csumbpf("attach", "br0", "--vni", "4109").ok().err())
                        .contains("warning: esp4_offload, which csumbpf did not load, can break traffic");
            } finally {
                Shell.run("modprobe", "-r", "esp4_offload").ok();
            }
            assertThat(lab.b.json("status", "br0").at("/attachments/0/problems"))
                    .isEmpty();
            assertThat(lab.loss(lab.a, B))
                    .as("overlay, without the module again")
                    .isZero();
        }
    }

    /** Makes the second overlay send as Linux did before 4.6. */
    private static void withoutChecksums(Host host, String own, String other, int end) {
        host.run(
                        "bash",
                        "-c",
                        "set -e; ip link del vxlan1; ip link add vxlan1 mtu 1424 type vxlan id 4110 dstport 4789 local "
                                + own
                                + " remote " + other + " nolearning noudpcsum; ip addr add 10.0.10." + end
                                + "/24 dev vxlan1; ip link set vxlan1 up")
                .ok();
    }

    /** Sets up ESP with IPComp in it, in transport mode (RFC 3173), for ICMP between the two hosts. */
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
