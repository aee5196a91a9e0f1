// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.csumbpf.loader.host.IpsecPolicy.Direction;
import org.csumbpf.loader.host.SecurityAssociation.Traffic;
import org.junit.jupiter.api.Test;

/** Parses recorded dumps (see resources/host/README.md), and SAs with the algorithms that those lack. */
class XfrmTest {
    private static final int NEWSA = 0x10;
    private static final int SA_SIZE = 224;
    private static final int KEY_BYTES = 20;

    @Test
    void associations() throws IOException {
        List<SecurityAssociation> all = NetlinkMessagesTest.parse("getsa", Xfrm::association);
        assertThat(all).hasSize(2);
        assertThat(all.get(0).destination().getHostAddress()).isEqualTo("2001:db8:0:0:0:0:0:2");
        assertThat(all.get(0).mark()).isZero();
        SecurityAssociation marked = all.get(1);
        assertThat(marked.spi()).isEqualTo(0x100);
        assertThat(marked.mark()).isEqualTo(7);
        assertThat(marked.reqid()).isEqualTo(5);
        assertThat(marked.icvBits()).as("no algorithm").isZero();
        assertThat(marked.traffic()).isEqualTo(Traffic.NONE);
        assertThat(marked)
                .isEqualTo(new SecurityAssociation(
                        0x100,
                        SecurityAssociation.ESP,
                        marked.source(),
                        marked.destination(),
                        0,
                        false,
                        7,
                        5,
                        0,
                        Traffic.NONE));
    }

    @Test
    void trafficWithoutSigns() {
        ByteBuffer body = body();
        body.putLong(160, 1L << 40).putLong(168, 3_000_000_000L); // curlft.bytes, curlft.packets
        body.putInt(192, 1).putInt(196, 2).putInt(200, -1); // stats
        assertThat(parse(body).traffic()).isEqualTo(new Traffic(1L << 40, 3_000_000_000L, 1, 2, 4_294_967_295L));
    }

    /** struct xfrm_algo_aead and xfrm_algo_auth: 64 bytes of name, bits of the key, bits of the ICV, the key. */
    @Test
    void lengthOfTheIcv() {
        assertThat(parse(algorithm(18, "rfc4106(gcm(aes))", 128)).icvBits()).isEqualTo(128);
        assertThat(parse(algorithm(20, "hmac(sha256)", 96)).icvBits()).isEqualTo(96);
        assertThat(parse(algorithm(1, "hmac(sha256)", 96)).icvBits())
                .as("XFRMA_ALG_AUTH has no length")
                .isZero();
        ByteBuffer truncated = algorithm(18, "rfc4106(gcm(aes))", 128);
        truncated.limit(SA_SIZE + 4 + 70).putShort(SA_SIZE, (short) (4 + 70));
        assertThat(parse(truncated).icvBits()).isZero();
    }

    @Test
    void policies() throws IOException {
        assertThat(NetlinkMessagesTest.parse("getpolicy", Xfrm::policy))
                .as("without the socket's")
                .containsExactlyInAnyOrder(
                        new IpsecPolicy(Direction.IN, "0.0.0.0/0", "192.0.2.7/32", 0, 0, false, 0),
                        new IpsecPolicy(Direction.FWD, "2001:db8:0:0:0:0:0:0/64", "0:0:0:0:0:0:0:0/0", 0, 0, false, 0),
                        new IpsecPolicy(Direction.OUT, "203.0.113.1/32", "203.0.113.0/24", 17, 4789, true, 0xd0c4e3));
    }

    @Test
    void directionsAreThoseOfTheKernel() {
        assertThat(Direction.values()).containsExactly(Direction.IN, Direction.OUT, Direction.FWD);
        assertThat(new IpsecPolicy(true, 17, 4789, true).outbound()).isTrue();
        assertThat(new IpsecPolicy(false, 17, 4789, true).direction()).isEqualTo(Direction.IN);
    }

    @Test
    void garbageIsNotFollowedOutOfTheBuffer() throws IOException {
        Random random = new Random(1);
        for (String name : List.of("getsa", "getpolicy")) {
            byte[] recorded = NetlinkMessagesTest.datagrams(name).get(0);
            for (int i = 0; i < 20_000; i++) {
                ByteBuffer buffer = NetlinkMessagesTest.harmed(recorded, random);
                NetlinkMessages.split(buffer).forEach(message -> {
                    Xfrm.association(message);
                    Xfrm.policy(message);
                });
            }
        }
    }

    private static ByteBuffer algorithm(int type, String name, int icvBits) {
        ByteBuffer body = body();
        int length = 4 + 64 + 8 + KEY_BYTES;
        body.limit(SA_SIZE + length);
        body.putShort(SA_SIZE, (short) length).putShort(SA_SIZE + 2, (short) type);
        for (int i = 0; i < name.length(); i++) {
            body.put(SA_SIZE + 4 + i, (byte) name.charAt(i));
        }
        return body.putInt(SA_SIZE + 4 + 64, KEY_BYTES * 8).putInt(SA_SIZE + 4 + 68, icvBits);
    }

    private static ByteBuffer body() {
        return ByteBuffer.allocate(512).order(ByteOrder.nativeOrder()).limit(SA_SIZE);
    }

    private static SecurityAssociation parse(ByteBuffer body) {
        return Xfrm.association(new NetlinkMessages.Message(NEWSA, body)).orElseThrow();
    }
}
