// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Reads the IPsec state of the calling thread's network namespace (NETLINK_XFRM). Needs CAP_NET_ADMIN. */
public final class Xfrm {
    private static final int NETLINK_XFRM = 6;
    private static final int XFRM_MSG_NEWSA = 0x10;
    private static final int XFRM_MSG_GETSA = 0x12;
    private static final int SA_SIZE = 224;
    private static final int SA_DESTINATION = 56;
    private static final int SA_SPI = 72;
    private static final int SA_PROTOCOL = 76;
    private static final int SA_SOURCE = 80;
    private static final int SA_BYTES = 160;
    private static final int SA_PACKETS = 168;
    private static final int SA_LATE = 192;
    private static final int SA_REPLAYS = 196;
    private static final int SA_INTEGRITY_FAILURES = 200;
    private static final int SA_REQID = 208;
    private static final int SA_FAMILY = 212;
    private static final int SA_MODE = 214;
    private static final int XFRMA_ENCAP = 4;
    private static final int XFRMA_ALG_AEAD = 18;
    private static final int XFRMA_ALG_AUTH_TRUNC = 20;
    private static final int XFRMA_MARK = 21;
    private static final int MARK_VALUE = 0;
    private static final int AEAD_ICV_BITS = 68;
    private static final int AUTH_TRUNC_BITS = 68;
    private static final int XFRM_MSG_NEWPOLICY = 0x13;
    private static final int XFRM_MSG_GETPOLICY = 0x15;
    private static final int POLICY_SIZE = 168;
    private static final int POLICY_DESTINATION = 0;
    private static final int POLICY_SOURCE = 16;
    private static final int POLICY_DESTINATION_PORT = 32;
    private static final int POLICY_DESTINATION_PORT_MASK = 34;
    private static final int POLICY_FAMILY = 40;
    private static final int POLICY_DESTINATION_LENGTH = 42;
    private static final int POLICY_SOURCE_LENGTH = 43;
    private static final int POLICY_PROTOCOL = 44;
    private static final int POLICY_DIRECTION = 160;
    /** As many directions are there; those of sockets' policies come after. */
    private static final int XFRM_POLICY_MAX = 3;

    private static final int XFRMA_TMPL = 5;
    private static final int TEMPLATE_SIZE = 64;
    private static final int TEMPLATE_PROTOCOL = 20;
    private static final int TEMPLATE_MODE = 48;
    /** The mask of a selector that names one port. */
    private static final int ONE_PORT = 0xffff;

    private Xfrm() {}

    /** All SAs; none if the kernel has no IPsec. */
    public static List<SecurityAssociation> associations() {
        return dump(XFRM_MSG_GETSA, "list IPsec SAs", Xfrm::association);
    }

    /** All policies, without those of sockets; none if the kernel has no IPsec. */
    public static List<IpsecPolicy> policies() {
        return dump(XFRM_MSG_GETPOLICY, "list IPsec policies", Xfrm::policy);
    }

    private static <T> List<T> dump(int type, String operation, Function<NetlinkMessages.Message, Optional<T>> parse) {
        try {
            return Netlink.exchange(NETLINK_XFRM, type, Netlink.NLM_F_DUMP, 0, request -> {}, operation, parse);
        } catch (KernelException e) {
            if (e.errno() == Errno.EPROTONOSUPPORT) {
                return List.of();
            }
            throw e;
        }
    }

    static Optional<SecurityAssociation> association(NetlinkMessages.Message message) {
        ByteBuffer body = message.body();
        if (message.type() != XFRM_MSG_NEWSA || body.limit() < SA_SIZE) {
            return Optional.empty();
        }
        boolean ipv6 = body.getShort(SA_FAMILY) == Libc.AF_INET6;
        // Those of algorithms end with the key. Only numbers before it are read, and nothing is copied.
        Map<Integer, ByteBuffer> attributes = NetlinkMessages.attributes(body, SA_SIZE);
        int aead = NetlinkMessages.number(attributes, XFRMA_ALG_AEAD, AEAD_ICV_BITS);
        return Optional.of(new SecurityAssociation(
                network(body).getInt(SA_SPI),
                Byte.toUnsignedInt(body.get(SA_PROTOCOL)),
                address(body, SA_SOURCE, ipv6),
                address(body, SA_DESTINATION, ipv6),
                Byte.toUnsignedInt(body.get(SA_MODE)),
                attributes.containsKey(XFRMA_ENCAP),
                NetlinkMessages.number(attributes, XFRMA_MARK, MARK_VALUE),
                body.getInt(SA_REQID),
                aead != 0 ? aead : NetlinkMessages.number(attributes, XFRMA_ALG_AUTH_TRUNC, AUTH_TRUNC_BITS),
                new SecurityAssociation.Traffic(
                        body.getLong(SA_BYTES),
                        body.getLong(SA_PACKETS),
                        Integer.toUnsignedLong(body.getInt(SA_LATE)),
                        Integer.toUnsignedLong(body.getInt(SA_REPLAYS)),
                        Integer.toUnsignedLong(body.getInt(SA_INTEGRITY_FAILURES)))));
    }

    static Optional<IpsecPolicy> policy(NetlinkMessages.Message message) {
        ByteBuffer body = message.body();
        if (message.type() != XFRM_MSG_NEWPOLICY || body.limit() < POLICY_SIZE) {
            return Optional.empty();
        }
        int direction = Byte.toUnsignedInt(body.get(POLICY_DIRECTION));
        if (direction >= XFRM_POLICY_MAX) {
            return Optional.empty();
        }
        Map<Integer, ByteBuffer> attributes = NetlinkMessages.attributes(body, POLICY_SIZE);
        ByteBuffer templates = attributes.get(XFRMA_TMPL);
        boolean transportEsp = false;
        for (int at = 0; templates != null && templates.limit() - at >= TEMPLATE_SIZE; at += TEMPLATE_SIZE) {
            transportEsp |= Byte.toUnsignedInt(templates.get(at + TEMPLATE_PROTOCOL)) == SecurityAssociation.ESP
                    && templates.get(at + TEMPLATE_MODE) == SecurityAssociation.TRANSPORT;
        }
        ByteBuffer inOrder = network(body);
        int mask = Short.toUnsignedInt(inOrder.getShort(POLICY_DESTINATION_PORT_MASK));
        return Optional.of(new IpsecPolicy(
                IpsecPolicy.Direction.values()[direction],
                prefix(body, POLICY_SOURCE, POLICY_SOURCE_LENGTH),
                prefix(body, POLICY_DESTINATION, POLICY_DESTINATION_LENGTH),
                Byte.toUnsignedInt(body.get(POLICY_PROTOCOL)),
                mask == ONE_PORT ? Short.toUnsignedInt(inOrder.getShort(POLICY_DESTINATION_PORT)) : 0,
                transportEsp,
                NetlinkMessages.number(attributes, XFRMA_MARK, MARK_VALUE)));
    }

    private static String prefix(ByteBuffer policy, int address, int length) {
        boolean ipv6 = policy.getShort(POLICY_FAMILY) == Libc.AF_INET6;
        return address(policy, address, ipv6).getHostAddress() + "/" + Byte.toUnsignedInt(policy.get(length));
    }

    /** The same bytes, with numbers in network byte order. */
    private static ByteBuffer network(ByteBuffer body) {
        return body.duplicate().order(ByteOrder.BIG_ENDIAN);
    }

    /** {@code xfrm_address_t}: IPv4 is in the first four bytes. */
    static InetAddress address(ByteBuffer body, int at, boolean ipv6) {
        byte[] bytes = new byte[ipv6 ? 16 : 4];
        body.get(at, bytes);
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 or 16 bytes are an address", e);
        }
    }
}
