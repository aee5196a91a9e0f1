// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Reads the IPsec state of the calling thread's network namespace (NETLINK_XFRM). Needs CAP_NET_ADMIN. */
public final class Xfrm {
    private static final int NETLINK_XFRM = 6;
    private static final int XFRM_MSG_NEWSA = 0x10;
    private static final int XFRM_MSG_GETSA = 0x12;
    private static final int SA_SIZE = 224;
    private static final int SA_DESTINATION = 56;
    private static final int SA_PROTOCOL = 76;
    private static final int SA_SOURCE = 80;
    private static final int SA_FAMILY = 212;

    private Xfrm() {}

    /** All SAs; none if the kernel has no IPsec. */
    public static List<SecurityAssociation> associations() {
        try {
            return Netlink.dump(NETLINK_XFRM, XFRM_MSG_GETSA, 0, request -> {}, "list IPsec SAs", Xfrm::association);
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
        return Optional.of(new SecurityAssociation(
                Byte.toUnsignedInt(body.get(SA_PROTOCOL)),
                address(body, SA_SOURCE, ipv6),
                address(body, SA_DESTINATION, ipv6)));
    }

    /** {@code xfrm_address_t}: IPv4 is in the first four bytes. */
    private static InetAddress address(ByteBuffer body, int at, boolean ipv6) {
        byte[] bytes = new byte[ipv6 ? 16 : 4];
        body.get(at, bytes);
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 or 16 bytes are an address", e);
        }
    }
}
