// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.csumbpf.loader.host.PacketSampler.Count;
import org.csumbpf.loader.host.PacketSampler.Kind;
import org.csumbpf.loader.host.PacketSampler.Labels;
import org.csumbpf.loader.host.PacketSampler.Sample;
import org.junit.jupiter.api.Test;

/** Parses packets; ArrivalMonitor's are parsed by the same code. tests/ has the filter and the sockets. */
class PacketSamplerTest {
    private static final String ENDS_4 = "c0000201c0000202";
    private static final String ENDS_6 = "20010db8000000000000000000000001" + "20010db8000000000000000000000002";
    private static final String NOP = "01";
    /** VXLAN with VNI 5, and the first bytes of a frame. */
    private static final String VXLAN = "0800000000000500" + "0102030405060708";

    /** The second four bytes, if there are eight. */
    private static final Labels SECOND_WORD =
            payload -> payload.limit() < 8 ? OptionalInt.empty() : OptionalInt.of(payload.getInt(4));

    @Test
    void udpOfIpv4() throws Exception {
        assertThat(parse(ipv4("", 17, 1450) + "000112b505b60000" + VXLAN))
                .contains(new Sample(udp4(4789, 0x500), 1450));
    }

    @Test
    void udpBehindOptions() throws Exception {
        assertThat(parse(ipv4(NOP.repeat(40), 17, 1490) + "000112b505b60000" + VXLAN))
                .contains(new Sample(udp4(4789, 0x500), 1490));
    }

    @Test
    void esp() throws Exception {
        Kind kind = new Kind(
                3,
                true,
                InetAddress.getByName("192.0.2.1"),
                InetAddress.getByName("192.0.2.2"),
                0,
                OptionalInt.of(0x87654321),
                OptionalInt.empty());
        assertThat(parse(ipv4("", 50, 200) + "87654321")).contains(new Sample(kind, 200));
        assertThat(parse(ipv4(NOP.repeat(40), 50, 200) + "8765432100000001")).contains(new Sample(kind, 200));
    }

    @Test
    void ipv6() throws Exception {
        InetAddress source = InetAddress.getByName("2001:db8::1");
        InetAddress destination = InetAddress.getByName("2001:db8::2");
        assertThat(parse("6000000001f41140" + ENDS_6 + "000112b501f40000" + VXLAN))
                .contains(new Sample(
                        new Kind(3, true, source, destination, 4789, OptionalInt.empty(), OptionalInt.of(0x500)), 540));
        assertThat(parse("6000000001f43240" + ENDS_6 + "00000100"))
                .contains(new Sample(
                        new Kind(3, true, source, destination, 0, OptionalInt.of(0x100), OptionalInt.empty()), 540));
    }

    @Test
    void labelsAreOfTheDatagramAlone() {
        assertThat(label("000112b500100000" + VXLAN)).hasValue(0x500);
        assertThat(label("000112b500000000" + VXLAN)).as("jumbogram").hasValue(0x500);
        assertThat(label("000112b5000f0000" + VXLAN)).as("7 bytes of payload").isEmpty();
        assertThat(label("000112b500080000" + VXLAN)).as("padding").isEmpty();
        assertThat(label("000112b500030000" + VXLAN))
                .as("shorter than its header")
                .isEmpty();
        assertThat(label("000112b5ffff0000" + "08000000")).as("cut off").isEmpty();
    }

    @Test
    void whatIsNoSuchPacket() {
        for (String packet : List.of(
                "",
                "45",
                ipv4("", 17, 28) + "000112b500",
                ipv4("", 50, 20),
                ipv4("", 50, 23) + "876543",
                ipv4("", 6, 40) + "000112b500080000",
                ipv4("", 17, 28).replaceFirst("^45", "44") + "000112b500080000",
                ipv4("", 17, 28).replaceFirst("^45", "40") + "000112b500080000",
                ipv4("", 17, 28).replaceFirst("^45", "4f") + "000112b500080000",
                ipv4("", 17, 28).replaceFirst("^45", "55") + "000112b500080000",
                "6000000001f43240" + ENDS_6,
                "6000000001f43240" + ENDS_6.substring(2),
                "6000000001f40040" + ENDS_6 + "3200000000000000")) {
            assertThat(parse(packet)).as(packet).isEmpty();
        }
    }

    @Test
    void anyBytes() {
        Random random = new Random(1);
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = new byte[random.nextInt(77)];
            random.nextBytes(bytes);
            if (bytes.length > 9 && random.nextBoolean()) {
                bytes[0] = (byte) (random.nextBoolean() ? 0x40 | random.nextInt(16) : 0x60);
                bytes[bytes[0] == 0x60 ? 6 : 9] = (byte) (random.nextBoolean() ? 17 : 50);
            }
            PacketSampler.parse(ByteBuffer.wrap(bytes), 1, false, payload -> {
                assertThat(payload.limit()).isLessThanOrEqualTo(PacketSampler.LABEL_BYTES);
                assertThat(payload.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
                return OptionalInt.empty();
            });
            ArrivalMonitor.parse(ByteBuffer.wrap(bytes), 1);
        }
    }

    @Test
    void aFloodOfKindsCostsNoMemory() throws Exception {
        Map<Kind, Count> counts = new HashMap<>();
        for (int i = 0; i < PacketSampler.MOST_KINDS; i++) {
            assertThat(PacketSampler.add(counts, new Sample(udp4(4789, i), 100)))
                    .isTrue();
        }
        assertThat(PacketSampler.add(counts, new Sample(udp4(4789, -1), 100))).isFalse();
        assertThat(PacketSampler.add(counts, new Sample(udp4(4789, 7), 50))).isTrue();
        assertThat(PacketSampler.add(counts, new Sample(udp4(4789, 7), 1500))).isTrue();
        assertThat(counts).hasSize(PacketSampler.MOST_KINDS).containsEntry(udp4(4789, 7), new Count(3, 1500));
    }

    private static Kind udp4(int port, int label) throws Exception {
        return new Kind(
                3,
                true,
                InetAddress.getByName("192.0.2.1"),
                InetAddress.getByName("192.0.2.2"),
                port,
                OptionalInt.empty(),
                OptionalInt.of(label));
    }

    private static OptionalInt label(String udp) {
        return parse(ipv4("", 17, 100) + udp).orElseThrow().kind().label();
    }

    /** A header of IPv4 from 192.0.2.1 to 192.0.2.2. */
    private static String ipv4(String options, int protocol, int length) {
        return String.format(
                "%02x00%04x0000000040%02x0000%s%s", 0x45 + options.length() / 8, length, protocol, ENDS_4, options);
    }

    /** As the socket gets it: 76 bytes at most. */
    private static Optional<Sample> parse(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        return PacketSampler.parse(
                ByteBuffer.wrap(Arrays.copyOf(bytes, Math.min(bytes.length, 76))), 3, true, SECOND_WORD);
    }
}
