// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * When status reports lost packets, tested by datagrams to the socket of a real VXLAN device. csumbpf is on w1; packets
 * from w3 bypass it.
 */
@Tag("root")
@Timeout(120)
class AfterTcDropBaselineTest {
    private static final String FRAMES =
            Shell.CHECKOUT.resolve("tests/lab/frames.py").toString();
    private static final int WRONG = 0x1234;
    private static final int NONE = 0;

    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
        lab.receive("w1", "10.0.0.2");
        lab.receive("w3", "10.0.1.2");
        lab.vxlan("vx", 4789, "w1", "10.0.0.2");
        lab.csumbpf("attach", "w1", "--vni", "5", "--backstop", "never", "--force")
                .ok();
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void errorsOfOtherPortsAreNotOurs() {
        send("w0", 4790, 5, WRONG, false, 50);
        assertThat(checksumErrors()).isEqualTo(50);
        assertThat(repair()).isEqualTo("idle");
        send("w2", 4789, 5, WRONG, false, 50);
        assertThat(repair()).isEqualTo("bypassed");
        assertThat(status().get("repair_text").asText())
                .contains("dropped 50 UDP datagrams on port 4789", "since the rules last changed");
        lab.csumbpf("status").ended(9);
    }

    /** It is not known whether these packets have a wrong checksum, and they could explain any number of errors. */
    @Test
    void whatNobodyCheckedHidesNoLoss() {
        send("w0", 9999, 5, NONE, true, 300);
        send("w0", 4789, 77, NONE, false, 300);
        send("w0", 4789, 5, NONE, false, 300);
        assertThat(status().at("/totals/malformed/packets").asLong()).isEqualTo(300);
        assertThat(status().at("/totals/no_rule/packets").asLong()).isEqualTo(300);
        assertThat(repair()).isEqualTo("plaintext");
        send("w2", 4789, 5, WRONG, false, 20);
        assertThat(repair()).isEqualTo("bypassed");
        assertThat(status().get("repair_text").asText())
                .contains("300 plaintext packets and 300 packets whose VNI has no rule");
    }

    @Test
    void eachPortIsJudgedByItself() {
        lab.vxlan("other", 7789, "w3", "10.0.1.2");
        lab.csumbpf("attach", "w3", "--vni", "5", "--port", "7789", "--backstop", "never", "--force")
                .ok();
        send("w2", 4789, 5, WRONG, false, 20);
        for (JsonNode attachment : lab.json("status").get("attachments")) {
            assertThat(attachment.get("repair").asText())
                    .isEqualTo(attachment.get("interface").asText().equals("w1") ? "bypassed" : "idle");
        }
    }

    /** serve judges by windows, so the report ends when the errors end. */
    @Test
    void itIsOverWhenTheErrorsEnd() {
        try (ServeProcess serve = new ServeProcess(lab)) {
            assertThat(serve.value("csumbpf_off_path")).isZero();
            send("w2", 4789, 5, WRONG, false, 20);
            Duration patience = Limit.seconds(40);
            Limit.await("off path", patience, () -> serve.value("csumbpf_off_path"), value -> value == 1);
            serve.awaitLog(line -> line.contains("still broken: the host dropped 20"));
            Limit.await("no longer", patience, () -> serve.value("csumbpf_off_path"), value -> value == 0);
            serve.awaitLog(line -> line.contains("resolved: ") && line.contains("still broken"));
        }
    }

    @Test
    void aProgramThatEndsTheChainBeforeOursIsNamed() {
        Assumptions.assumeTrue(KernelRelease.current().atLeast(6, 6), "for kernels with tcx, from 6.6 on");
        try (BpfProgram program = Lab.load(Lab.foreign("-DEND"));
                TcxLink link = lab.call(() -> TcxLink.attachFirst(program, lab.ifindex("w1")))) {
            String name = "tcx program " + program.info().id() + " (foreign)";
            assertThat(status().get("before").toString()).contains(name);
            assertThat(status().get("path_text").asText()).contains("; " + name).endsWith(" runs before csumbpf");
            assertThat(status().get("problems").toString()).doesNotContain(name);
            send("w0", 4789, 5, WRONG, false, 20);
            assertThat(repair()).isEqualTo("bypassed");
            assertThat(status().get("problems").toString())
                    .contains(name, "may end the chain", "csumbpf --netns " + lab.name + " restore w1");
            int first = lab.call(() -> TcxLink.query(lab.ifindex("w1")).get(0));
            assertThat(lab.csumbpf("restore", "w1").ok().out()).contains("moved the program in front of the others");
            assertThat(lab.call(() -> TcxLink.query(lab.ifindex("w1"))))
                    .as("ours, then the other")
                    .hasSize(2)
                    .endsWith(first)
                    .startsWith(status().get("program_id").asInt());
            assertThat(status().get("problems").toString()).doesNotContain("may end the chain");
            link.detach();
        }
        assertThat(status().get("before")).isEmpty();
    }

    @Test
    void aFilterThatEndsTheChainBeforeOursIsNamed(@TempDir Path directory) {
        Path object = directory.resolve("foreign.o");
        Lab.compile(object, "-DEND");
        lab.csumbpf("detach", "w1").ok();
        lab.csumbpf("attach", "w1", "--vni", "5", "--backstop", "never", "--force", "--hook", "clsact")
                .ok();
        assertThat(status().get("before")).isEmpty();
        lab.filter("ingress", 30, object);
        assertThat(status().get("before")).as("behind ours").isEmpty();
        lab.filter("ingress", 3, object);
        send("w0", 4789, 5, WRONG, false, 20);
        assertThat(status().get("problems").toString())
                .containsPattern("bpf filter of priority 3, program \\d+ \\(foreign\\) runs before csumbpf");
    }

    private JsonNode status() {
        return lab.status().orElseThrow();
    }

    private String repair() {
        return status().get("repair").asText();
    }

    private long checksumErrors() {
        return Long.parseLong(lab.run("nstat", "-az", "UdpInCsumErrors")
                .ok()
                .out()
                .replaceAll("(?s).*UdpInCsumErrors +(\\d+).*", "$1"));
    }

    /** Sends identical frames from a device. */
    private void send(String device, int port, int vni, int checksum, boolean fragment, int times) {
        int payload = 8 + 400;
        ByteBuffer frame = ByteBuffer.allocate(14 + 20 + 8 + payload);
        frame.put(HexFormat.of().parseHex("02000000000102000000000908004500"));
        frame.putShort((short) (20 + 8 + payload));
        frame.putShort((short) 1).putShort((short) (fragment ? 0x2000 : 0));
        frame.put((byte) 64).put((byte) 17).putShort((short) 0);
        boolean covered = device.equals("w0");
        frame.put(new byte[] {10, 0, (byte) (covered ? 0 : 1), 9});
        frame.put(new byte[] {10, 0, (byte) (covered ? 0 : 1), 2});
        int sum = 0;
        for (int at = 14; at < 34; at += 2) {
            sum += Short.toUnsignedInt(frame.getShort(at));
        }
        frame.putShort(24, (short) ~(sum % 0xffff));
        frame.putShort((short) 1234)
                .putShort((short) port)
                .putShort((short) (8 + payload))
                .putShort((short) checksum);
        frame.putInt(0x08000000).putInt(vni << 8);
        String line = HexFormat.of().formatHex(frame.array()) + "\n";
        Shell.input(line.repeat(times), lab.in("python3", FRAMES, "send", device))
                .ok();
    }
}
