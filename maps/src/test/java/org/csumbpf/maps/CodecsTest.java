// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Tests byte order, ranges and units against what bpf/csumbpf.h says. */
class CodecsTest {
    @Test
    void thePortIsInNetworkByteOrder() {
        ByteBuffer buffer = buffer(Codecs.CONFIG);
        Codecs.CONFIG.write(buffer, Optional.of(new Config(4789, false, Optional.empty())));
        assertThat(buffer.get(0)).isEqualTo((byte) (4789 >> 8));
        assertThat(buffer.get(1)).isEqualTo((byte) 4789);
    }

    @Test
    void aConfigThatTheKernelZeroedIsEmpty() {
        assertThat(Codecs.CONFIG.read(buffer(Codecs.CONFIG), 0)).isEmpty();
    }

    @Test
    void theSpiIsInNetworkByteOrder() {
        ByteBuffer buffer = buffer(Codecs.PEER);
        Codecs.PEER.write(buffer, new Peer(1, 2, 3, 4, 5, 0x01020304, 6, false));
        assertThat(new byte[] {buffer.get(48), buffer.get(49), buffer.get(50), buffer.get(51)})
                .containsExactly(1, 2, 3, 4);
    }

    @Test
    void anIpv4PeerIsMapped() throws Exception {
        ByteBuffer buffer = buffer(Codecs.PEER_KEY);
        PeerKey key =
                new PeerKey(new Vni(4109), InetAddress.getByName("203.0.113.10"), InetAddress.getByName("10.99.0.2"));
        Codecs.PEER_KEY.write(buffer, key);
        byte[] address = new byte[16];
        buffer.get(4, address);
        assertThat(address).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 10);
        assertThat(Codecs.PEER_KEY.read(buffer, 0)).isEqualTo(key);
    }

    @Test
    void whatIsWrittenIsRead() throws Exception {
        roundTrip(Codecs.U32, 0xffff_fffe);
        for (Mode mode : Mode.values()) {
            roundTrip(Codecs.RULE, Optional.of(new Rule(mode, true, false)));
            roundTrip(Codecs.RULE, Optional.of(new Rule(mode, false, true)));
        }
        roundTrip(Codecs.RULE, Optional.empty());
        roundTrip(
                Codecs.CONFIG, Optional.of(new Config(65535, true, Optional.of(new Rule(Mode.OBSERVE, false, false)))));
        roundTrip(Codecs.CONFIG, Optional.of(new Config(4789, false, LinkHeader.NONE, Optional.empty())));
        roundTrip(Codecs.COUNT, new Count(Long.MAX_VALUE, 7));
        roundTrip(
                Codecs.COUNTERS,
                new Counters(Map.of(Outcome.REPAIRED, new Count(1, 2), Outcome.FAILED, new Count(3, 4))));
        PeerKey peer = new PeerKey(
                new Vni(Vni.MAX), InetAddress.getByName("203.0.113.10"), InetAddress.getByName("2001:db8::1"));
        roundTrip(Codecs.PEER_KEY, peer);
        roundTrip(Codecs.PEER, new Peer(1, 2, 3, 4, 5, 0xfffffffe, Peer.DELTA_NONE, true));
        roundTrip(Codecs.RULE, Optional.of(new Rule(Mode.ADJUST, false, false, Rule.VERIFY_MAX)));
        roundTrip(Codecs.DROP_BASELINE, new DropBaseline(1, 2, 3, 4, Long.MAX_VALUE));
        for (EventType type : EventType.values()) {
            roundTrip(Codecs.EVENT, new Event(type, 99, peer, 0x81020304, Peer.DELTA_UNKNOWN, 0xfffe));
        }
        roundTrip(
                Codecs.ATTACHMENT,
                new AttachmentRecord(
                        7,
                        "fifteen-letters",
                        new DeviceIdentity(0x1_0000_0001L, Long.MAX_VALUE),
                        Hook.CLSACT,
                        Set.of(HostChange.values()),
                        new AttachOptions(Hook.TCX, Backstop.NEVER, true, true),
                        99,
                        new DropBaseline(5, 4, 3, 2, 1)));
        for (boolean flag : new boolean[] {false, true}) {
            roundTrip(Codecs.OPTIONS, new AttachOptions(Hook.NONE, Backstop.AUTO, flag, !flag));
        }
    }

    @Test
    void aModeOfANewerVersionIsAnErrorNotAGuess() {
        ByteBuffer buffer = buffer(Codecs.RULE);
        buffer.put(0, (byte) 5).put(1, (byte) 1);
        assertThatThrownBy(() -> Codecs.RULE.read(buffer, 0)).hasMessageContaining("csumbpf_rule.mode is 5");
    }

    @Test
    void aRecordOfLayout1IsReadAndWritten() {
        AttachmentRecord record = new AttachmentRecord(
                7,
                "eth0",
                DeviceIdentity.UNKNOWN,
                Hook.CLSACT,
                Set.of(HostChange.GRO),
                new AttachOptions(Hook.NONE, Backstop.ALWAYS, false, false),
                99,
                new DropBaseline(5, 4, 3, 2, 1));
        assertThat(Codecs.ATTACHMENT_1.size()).isEqualTo(80);
        roundTrip(Codecs.ATTACHMENT_1, record);
    }

    @Test
    void aRecordOfANewerLayoutIsAnErrorNotAGuess() {
        ByteBuffer buffer = buffer(Codecs.ATTACHMENT);
        buffer.putInt(0, Codecs.LAYOUT + 1);
        assertThatThrownBy(() -> Codecs.ATTACHMENT.read(buffer, 0))
                .isInstanceOf(OtherVersionException.class)
                .hasMessageContaining("layout is 3");
        buffer.putInt(0, Codecs.LAYOUT).putShort(42, (short) 0x80);
        assertThatThrownBy(() -> Codecs.ATTACHMENT.read(buffer, 0)).hasMessageContaining("csumbpf_options.flags");
    }

    @Test
    void identitiesDifferOnlyWhereBothAreKnown() {
        DeviceIdentity one = new DeviceIdentity(1, 10);
        assertThat(one.sameDevice(new DeviceIdentity(2, 10))).isTrue();
        assertThat(one.otherNamespace(new DeviceIdentity(2, 10))).isTrue();
        assertThat(one.otherDevice(new DeviceIdentity(1, 11))).isTrue();
        DeviceIdentity unknown = DeviceIdentity.UNKNOWN;
        assertThat(one.sameDevice(unknown) || one.otherDevice(unknown)).isFalse();
        assertThat(one.sameNamespace(unknown) || one.otherNamespace(unknown)).isFalse();
        assertThat(unknown.sameDevice(unknown)).isFalse();
    }

    @Test
    void rangesAreChecked() {
        assertThat(new Vni(Vni.MAX).value()).isEqualTo(16_777_215);
        assertThatThrownBy(() -> new Vni(Vni.MAX + 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Vni(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Config(0, false, Optional.empty())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Config(65536, false, Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Rule(Mode.AUTO, true, true)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Rule(Mode.AUTO, false, false, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Rule(Mode.ADJUST, false, false, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Rule(Mode.ADJUST, false, false, 65536))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> roundTrip(
                        Codecs.ATTACHMENT,
                        AttachmentRecord.begun(
                                1, "sixteen-letters-", DeviceIdentity.UNKNOWN, Set.of(), AttachOptions.DEFAULT)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void twoPeersAreMergedAndTheLaterOneNamesTheSpi() {
        Peer sum = new Peer(1, 10, 1, 500, 7, 0xa, 0x11, false)
                .plus(new Peer(2, 20, 0, 400, 8, 0xb, 0x22, true))
                .plus(Peer.NONE);
        assertThat(sum).isEqualTo(new Peer(3, 30, 1, 500, 8, 0xa, 0x22, true));
    }

    @Test
    void baselineOfACountThatBeganAnewCountsFromZero() {
        assertThat(new DropBaseline(5, 7, 3, 9, 4).since(new DropBaseline(2, 7, 4, 0, 1)))
                .isEqualTo(new DropBaseline(3, 0, 3, 9, 3));
    }

    private static <T> void roundTrip(Codec<T> codec, T value) {
        ByteBuffer buffer = buffer(codec);
        codec.write(buffer, value);
        assertThat(codec.read(buffer, 0)).isEqualTo(value);
    }

    private static ByteBuffer buffer(Codec<?> codec) {
        return ByteBuffer.allocate(codec.size()).order(ByteOrder.nativeOrder());
    }
}
