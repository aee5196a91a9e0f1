// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Dumps and requests over netlink(7), in the calling thread's network namespace. */
final class Netlink {
    private static final int NLM_F_REQUEST = 1;
    static final int NLM_F_DUMP = 0x300;
    /** No flag: the answer is in one datagram. */
    static final int ONE_DATAGRAM = 0;
    /** The kernel fills dump datagrams up to 32 KiB. */
    private static final int BUFFER_SIZE = 1 << 16;

    private Netlink() {}

    /** Fills in what follows the header of a request. */
    interface Body {
        void fill(ByteBuffer request);
    }

    /**
     * Reads all objects of a kind, or what answers one question.
     *
     * @param family NETLINK_*
     * @param type of the request
     * @param flags NLM_F_DUMP for all objects; {@link #ONE_DATAGRAM} for one answer
     * @param bodySize bytes; if there are more than the kernel expects, it logs a complaint
     * @param operation for messages
     * @param parse returns empty for messages about something else
     */
    static <T> List<T> exchange(
            int family,
            int type,
            int flags,
            int bodySize,
            Body body,
            String operation,
            Function<NetlinkMessages.Message, Optional<T>> parse) {
        int socket = Libc.check(
                Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, family), "open", "netlink socket");
        int length = NetlinkMessages.HEADER_SIZE + bodySize;
        // Closed here: native memory that waits for the garbage collector is memory that nobody collects for hours.
        try (Memory request = new Memory(length);
                Memory datagram = new Memory(BUFFER_SIZE)) {
            request.clear();
            ByteBuffer buffer = request.getByteBuffer(0, length).order(ByteOrder.nativeOrder());
            buffer.putInt(0, length);
            buffer.putShort(4, (short) type);
            buffer.putShort(6, (short) (NLM_F_REQUEST | flags));
            body.fill(buffer);
            Libc.check(Libc.send(socket, request, length, 0), operation, "(netlink)");
            List<T> results = new ArrayList<>();
            while (true) {
                long received = Libc.recv(socket, datagram, BUFFER_SIZE, 0);
                if (received < 0 && Native.getLastError() == Errno.EINTR) {
                    continue;
                }
                Libc.check(received, operation, "(netlink)");
                ByteBuffer view = datagram.getByteBuffer(0, received).order(ByteOrder.nativeOrder());
                for (NetlinkMessages.Message message : NetlinkMessages.split(view)) {
                    if (message.type() == NetlinkMessages.NLMSG_DONE) {
                        return results;
                    }
                    if (message.type() == NetlinkMessages.NLMSG_ERROR) {
                        throw new KernelException(
                                operation, "(netlink)", -message.body().getInt(0));
                    }
                    parse.apply(message).ifPresent(results::add);
                }
                if (flags == ONE_DATAGRAM) {
                    return results;
                }
            }
        } finally {
            Libc.close(socket);
        }
    }
}
