// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.csumbpf.loader.host.ForwardingEntry;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Packets that csumbpf repairs and the host drops on the way to a real VXLAN device: status names what drops them. */
@Tag("root")
@Timeout(120)
class AfterRepairTest {
    private static final String FRAMES =
            Shell.CHECKOUT.resolve("tests/lab/frames.py").toString();
    private static final String LOST = "vni 5: 5 packets are repaired, but none arrives at vx: ";
    private static final String SENDER = "02:00:00:00:00:0a";

    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
        lab.receive("w1", "10.0.0.2");
        vxlan();
        lab.csumbpf("attach", "w1", "--vni", "5", "--unverified", "--backstop", "never")
                .ok();
        settled(lab);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void whatArrivesIsNoProblem() {
        send();
        assertThat(received()).isEqualTo(5);
        assertThat(problems()).isEqualTo("[]");
        // Packets that came before the device existed are no problem either.
        lab.ipIn("link", "del", "vx");
        vxlan();
        assertThat(received()).isZero();
        assertThat(problems()).isEqualTo("[]");
    }

    @Test
    void aRuleOfNftables() {
        lab.run(
                        "nft",
                        "add table inet fw; add chain inet fw in { type filter hook input priority 0; };"
                                + "add rule inet fw in meta secpath missing udp dport 4788 counter drop;"
                                + "add rule inet fw in tcp dport 4789 counter drop;"
                                + "add rule inet fw in udp dport 4789 counter drop")
                .ok();
        send();
        assertThat(problems())
                .contains(
                        LOST
                                + "the host drops them after csumbpf: a rule of chain inet fw in has dropped 5 packets (udp dport 4789 counter",
                        "; 'nft list chain inet fw in' shows the chain")
                .doesNotContain("tcp", "secpath");
        lab.run("nft", "delete table inet fw").ok();
        send();
        assertThat(problems()).isEqualTo("[]");
    }

    @Test
    void aRuleOfIptables() {
        lab.run("iptables", "-A", "INPUT", "-p", "udp", "--dport", "4789", "-j", "DROP")
                .ok();
        send();
        assertThat(problems()).contains(LOST, "a rule of chain ip filter INPUT has dropped 5 packets");
    }

    @Test
    void aChainThatDropsByDefault() {
        lab.run(
                        "nft",
                        "add table inet fw; add chain inet fw in { type filter hook input priority 0; policy drop; };"
                                + "add rule inet fw in udp dport 53 accept")
                .ok();
        send();
        assertThat(problems()).contains(LOST, "chain inet fw in drops what no rule accepts");
    }

    @Test
    void aForwardingEntryWithAnotherAddress() {
        lab.run("bridge", "fdb", "add", SENDER, "dev", "vx", "dst", "10.0.0.77").ok();
        send();
        assertThat(problems())
                .contains(
                        LOST,
                        "packets come from 10.0.0.9, but the permanent forwarding entry of " + SENDER
                                + " has 10.0.0.77");
        lab.run("bridge", "fdb", "replace", SENDER, "dev", "vx", "dst", "10.0.0.9")
                .ok();
        send();
        assertThat(problems()).isEqualTo("[]");
    }

    @Test
    void theReversePath() {
        lab.run("sysctl", "-qw", "net.ipv4.conf.w1.rp_filter=1").ok();
        lab.ipIn("route", "add", "10.0.0.9/32", "dev", "w3");
        send();
        assertThat(problems()).contains(LOST, "rp_filter refused 5 packets");
    }

    @Test
    void aDeviceThatIsDown() {
        lab.ipIn("link", "set", "vx", "down");
        send();
        assertThat(problems()).contains(LOST, "nothing listens on UDP port 4789");
    }

    /** Like Docker's: the device is in the namespace of the containers, its socket is here. */
    @Test
    void aDeviceInAnotherNamespace() {
        String other = lab.name + "-in";
        Lab.ip("netns", "add", other);
        try {
            Host inside = new Host(other, false);
            lab.ipIn("link", "set", "vx", "netns", other);
            inside.run("ip", "link", "set", "vx", "up").ok();
            inside.run("bridge", "fdb", "add", "02:00:00:00:00:0b", "dev", "vx", "dst", "10.0.0.9")
                    .ok();
            settled(inside);
            lab.run(
                            "nft",
                            "add table inet fw; add chain inet fw in { type filter hook input priority 0; };"
                                    + "add rule inet fw in udp dport 4789 counter drop")
                    .ok();
            send();
            assertThat(problems()).contains(LOST, "a rule of chain inet fw in has dropped 5 packets");
            try (ServeProcess serve = new ServeProcess(lab)) {
                assertThat(serve.value("csumbpf_attached")).isOne();
                serve.awaitLog(line -> line.contains(LOST));
                lab.run("nft", "delete table inet fw").ok();
                send();
                // serve remembers only that all was well, never a problem.
                assertThat(serve.value("csumbpf_attached")).isOne();
                serve.awaitLog(line -> line.contains("resolved: ") && line.contains(LOST));
            }
            assertThat(problems()).isEqualTo("[]");
        } finally {
            Lab.ip("netns", "del", other);
        }
    }

    private void vxlan() {
        lab.vxlan("vx", 4789, "w1", "10.0.0.2", "remote", "10.0.0.8");
    }

    /** Waits until packets sent now certainly come later than the device. */
    private static void settled(Host host) {
        Limit.await(
                "age of the device",
                Limit.seconds(30),
                () -> host.call(() -> Rtnetlink.forwardingEntries().stream()
                        .mapToLong(ForwardingEntry::age)
                        .max()
                        .orElse(0)),
                age -> age > 2_500_000_000L);
    }

    private String problems() {
        return lab.status().orElseThrow().get("problems").toString();
    }

    private long received() {
        return lab.call(() -> Rtnetlink.details("vxlan").get(0).received());
    }

    /** Sends five packets for VNI 5 with a wrong checksum into w1. */
    private void send() {
        int payload = 8 + 60;
        ByteBuffer frame = ByteBuffer.allocate(14 + 20 + 8 + payload);
        frame.put(HexFormat.of().parseHex("02000000000102000000000908004500"));
        frame.putShort((short) (20 + 8 + payload));
        frame.putShort((short) 1).putShort((short) 0);
        frame.put((byte) 64).put((byte) 17).putShort((short) 0);
        frame.put(new byte[] {10, 0, 0, 9}).put(new byte[] {10, 0, 0, 2});
        int sum = 0;
        for (int at = 14; at < 34; at += 2) {
            sum += Short.toUnsignedInt(frame.getShort(at));
        }
        frame.putShort(24, (short) ~(sum % 0xffff));
        frame.putShort((short) 1234).putShort((short) 4789).putShort((short) (8 + payload));
        frame.putShort((short) 0x1234);
        frame.putInt(0x08000000).putInt(5 << 8);
        // Broadcast, of a protocol that nobody answers (IEEE 802: local experimental).
        frame.put(HexFormat.of().parseHex("ffffffffffff" + SENDER.replace(":", "") + "88b5"));
        String line = HexFormat.of().formatHex(frame.array()) + "\n";
        Shell.input(line.repeat(5), lab.in("python3", FRAMES, "send", "w0")).ok();
    }
}
