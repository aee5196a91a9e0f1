// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.TestRun;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs the program on single packets, in this host's kernel. */
@Tag("root")
class ProgramTest {
    private static final int ETH_HLEN = 14;

    private static LoadedProgram program;

    @BeforeAll
    static void load() {
        program = new LoadedProgram();
    }

    @AfterAll
    static void unload() {
        program.close();
    }

    static Stream<PacketCase> cases() {
        return PacketCase.all().stream().filter(PacketCase::fitsTestRun);
    }

    /** Frames to cut short: one for each chain of headers. */
    static Stream<PacketCase> bases() {
        return PacketCase.all().stream()
                .filter(c -> c.name()
                        .matches(
                                "ipv[46] (zero|recompute), wrong checksum|ipv[46] 802.1(Q|ad), zero|ipv4 (2|10) words.*"
                                        + "|ipv6 fragment of UDP|ipv[46] ESP"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void doesWhatTheCaseSays(PacketCase packet) throws UnknownHostException {
        program.rules(packet.rules());
        program.forgetPeers();
        Map<String, Count> before = program.counts();

        TestRun run = program.run(packet.in(), packet.gsoSize());

        assertThat(run.verdict()).as("verdict").isEqualTo(packet.verdict());
        assertThat(run.packet()).as("packet").isEqualTo(packet.out());
        assertThat(run.priority())
                .as("what the backstop is told: nothing of packets without proof, which it does not check")
                .isZero();
        Model.Prediction model = Model.predict(packet.in(), packet.gsoSize(), packet.rules());
        assertThat(model.label()).as("the model agrees with the case").isEqualTo(packet.outcome());
        assertThat(model.output(packet.in()))
                .as("the model agrees on the packet")
                .isEqualTo(packet.out());
        String counter = !model.ruled()
                ? packet.outcome()
                : model.countedAs().map(Vni::toString).orElse("any") + " " + packet.outcome();
        Map<String, Count> expected = new HashMap<>();
        if (!packet.outcome().equals("other")) {
            expected.put(counter, new Count(1, packet.in().length));
        }
        assertThat(difference(before, program.counts()))
                .as("counters that moved")
                .isEqualTo(expected);
        assertPeer(packet, model);
    }

    private static void assertPeer(PacketCase packet, Model.Prediction model) throws UnknownHostException {
        if (!model.ruled() || List.of("plaintext", "dropped").contains(packet.outcome())) {
            assertThat(program.peers()).isEmpty();
            return;
        }
        boolean ipv6 = packet.name().startsWith("ipv6");
        PeerKey key = new PeerKey(
                new Vni(model.vni()),
                InetAddress.getByName(ipv6 ? "2001:db8::7" : "198.51.100.7"),
                InetAddress.getByName(ipv6 ? "2001:db8:1::2" : "10.99.0.2"));
        assertThat(program.peers()).containsOnlyKeys(key);
        Peer peer = program.peers().get(key);
        assertThat(peer.delta()).as("what NAT did").isEqualTo(model.delta());
        boolean bad = model.delta() != Peer.DELTA_NONE && model.delta() != Peer.DELTA_UNKNOWN;
        assertThat(peer.checkedNanos() > 0).isEqualTo(model.delta() != Peer.DELTA_UNKNOWN);
        assertThat(List.of(peer.packets(), peer.bytes(), peer.bad()))
                .isEqualTo(List.of(1L, (long) packet.in().length, bad ? 1L : 0L));
        assertThat(peer.lastSeenNanos()).isPositive();
        assertThat(peer.spi()).as("no IPsec, no SPI").isZero();
    }

    @ParameterizedTest
    @MethodSource("bases")
    void aPacketCutShortPassesUntouched(PacketCase base) {
        program.rules(base.rules());
        int headers = ETH_HLEN + 2 * 4 + 60 + 8 + 8;
        for (int length = 0; length <= Math.min(headers, base.in().length - 1); length++) {
            byte[] cut = Arrays.copyOf(base.in(), length);
            if (length < ETH_HLEN) {
                // No driver delivers less than an Ethernet header, and the kernel refuses such an skb in a test run.
                assertThatThrownBy(() -> program.run(cut, 0))
                        .isInstanceOfSatisfying(
                                KernelException.class,
                                e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
                continue;
            }
            Map<String, Count> before = program.counts();
            TestRun run;
            try {
                run = program.run(cut, 0);
            } catch (KernelException e) {
                // Newer kernels refuse a test packet that ends within the IP header that its EtherType announces.
                // WireTest sends those to a real device.
                assertThat(e.errno()).isEqualTo(Errno.EINVAL);
                assertThat(length).isLessThan(ETH_HLEN + 40);
                assertThat(KernelRelease.current().atLeast(6, 13)).isTrue();
                continue;
            }
            assertThat(run.verdict()).as("verdict at %d bytes", length).isEqualTo(Model.TC_ACT_UNSPEC);
            assertThat(run.packet()).as("packet at %d bytes", length).isEqualTo(cut);
            String expected = Model.predict(cut, 0, base.rules()).label();
            assertThat(expected).isIn("malformed", "other", "esp");
            assertThat(difference(before, program.counts()).keySet())
                    .as("counter at %d bytes", length)
                    .isEqualTo(expected.equals("other") ? Set.of() : Set.of(expected));
        }
    }

    static Map<String, Count> difference(Map<String, Count> before, Map<String, Count> after) {
        Map<String, Count> moved = new HashMap<>();
        after.forEach((name, count) -> {
            Count old = before.getOrDefault(name, Count.NONE);
            if (!old.equals(count)) {
                moved.put(name, new Count(count.packets() - old.packets(), count.bytes() - old.bytes()));
            }
        });
        return moved;
    }
}
