// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Parses recorded dumps; see resources/host/README.md. */
class NetlinkMessagesTest {
    @Test
    void devices() throws IOException {
        Map<String, NetDevice> devices = parse("getlink", NetlinkMessages::device).stream()
                .collect(Collectors.toMap(NetDevice::name, Function.identity()));
        assertThat(devices).containsKeys("lo", "v0", "v1", "vx", "br0");
        assertThat(devices.get("lo").arphrd()).isEqualTo(772);
        NetDevice v0 = devices.get("v0");
        NetDevice v1 = devices.get("v1");
        assertThat(v0.kind()).isEqualTo("veth");
        assertThat(v0.arphrd()).isEqualTo(1);
        assertThat(v0.mtu()).isEqualTo(1500);
        assertThat(v0.lowerIfindex()).isEqualTo(v1.ifindex());
        assertThat(v0.lowerInOtherNetns()).isFalse();
        assertThat(v0.xdp()).isEqualTo(XdpMode.GENERIC);
        assertThat(v1.xdp()).isEqualTo(XdpMode.NONE);
        assertThat(v1.masterIfindex()).isEqualTo(devices.get("br0").ifindex());
        assertThat(devices.get("vx").kind()).isEqualTo("vxlan");
    }

    @Test
    void detailsOfAKind() throws IOException {
        assertThat(parse("getlink", NetlinkMessages::details))
                .filteredOn(details -> details.device().kind().equals("vxlan"))
                .singleElement()
                .satisfies(vx -> {
                    assertThat(vx.ofKind().get(15)).as("port 4789").containsExactly(0x12, 0xb5);
                    assertThat(vx.received()).isZero();
                    assertThat(vx.sent()).isZero();
                    assertThat(vx.up()).isFalse();
                });
    }

    @Test
    void packetsOfADeviceThatIsUp() {
        ByteBuffer body = ByteBuffer.allocate(84).order(ByteOrder.nativeOrder());
        body.putInt(4, 7).putInt(8, 0x1043); // struct ifinfomsg: ifi_index, ifi_flags
        body.putShort(16, (short) 68).putShort(18, (short) 23).putLong(20, 5).putLong(28, 6); // IFLA_STATS64
        body.putLong(60, 2).putLong(76, 3);
        assertThat(NetlinkMessages.details(new NetlinkMessages.Message(NetlinkMessages.RTM_NEWLINK, body)))
                .hasValueSatisfying(details -> {
                    assertThat(details.received()).isEqualTo(5);
                    assertThat(details.sent()).isEqualTo(6);
                    assertThat(details.unsent()).isEqualTo(5);
                    assertThat(details.up()).isTrue();
                });
        body.putShort(16, (short) 12).limit(28);
        assertThat(NetlinkMessages.details(new NetlinkMessages.Message(NetlinkMessages.RTM_NEWLINK, body)))
                .as("too short")
                .hasValueSatisfying(details -> assertThat(details.sent()).isZero());
    }

    @Test
    void alternativeNames() throws IOException {
        Map<String, NetDevice> devices = parse("getlink-altnames", NetlinkMessages::device).stream()
                .collect(Collectors.toMap(NetDevice::name, Function.identity()));
        NetDevice v0 = devices.get("v0");
        assertThat(v0.altnames()).containsExactlyInAnyOrder("enp0s3", "an-alternative-name-longer-than-15");
        assertThat(v0.isCalled("enp0s3")).isTrue();
        assertThat(v0.isCalled("v0")).isTrue();
        assertThat(v0.isCalled("v1")).isFalse();
        assertThat(devices.get("v1").altnames()).isEmpty();
    }

    @Test
    void qdiscs() throws IOException {
        assertThat(parse("getqdisc", NetlinkMessages::qdisc))
                .anySatisfy(qdisc -> assertThat(qdisc.kind() + Integer.toHexString(qdisc.parent()))
                        .isEqualTo("clsactfffffff1"));
    }

    @Test
    void filters() throws IOException {
        List<TcFilter> filters = parse("gettfilter", NetlinkMessages::filter);
        assertThat(filters).anyMatch(f -> f.kind().equals("bpf") && f.priority() == 5 && f.handle() == 1);
        assertThat(filters).anyMatch(f -> f.kind().equals("u32") && f.priority() == 7 && f.handle() != 0);
    }

    @Test
    void garbageIsNotFollowedOutOfTheBuffer() throws IOException {
        Random random = new Random(1);
        byte[] recorded = datagrams("getlink").get(0);
        for (int i = 0; i < 20_000; i++) {
            NetlinkMessages.split(harmed(recorded, random)).forEach(message -> {
                NetlinkMessages.device(message);
                NetlinkMessages.details(message);
                NetlinkMessages.forwardingEntry(message);
                NetlinkMessages.qdisc(message);
                NetlinkMessages.filter(message);
            });
        }
    }

    /** The beginning of a datagram, with some bytes changed. */
    static ByteBuffer harmed(byte[] recorded, Random random) {
        byte[] bytes = Arrays.copyOf(recorded, random.nextInt(recorded.length + 1));
        for (int n = 0; n < 8 && bytes.length > 0; n++) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    static <T> List<T> parse(String name, Function<NetlinkMessages.Message, Optional<T>> parser) throws IOException {
        return datagrams(name).stream()
                .flatMap(bytes -> NetlinkMessages.split(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)).stream())
                .flatMap(message -> parser.apply(message).stream())
                .toList();
    }

    static List<byte[]> datagrams(String name) throws IOException {
        try (InputStream in = NetlinkMessagesTest.class.getResourceAsStream("/host/" + name + ".hex")) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .map(HexFormat.of()::parseHex)
                    .toList();
        }
    }
}
