// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/**
 * Two packet sockets (packet(7)), one for each version of IP, with filters. They belong to the network namespace of the
 * thread that calls {@link #listen}. Need CAP_NET_RAW.
 */
final class PacketSockets implements AutoCloseable {
    static final int ETH_P_ALL = 0x0003;
    static final int ETH_P_IP = 0x0800;
    static final int ETH_P_IPV6 = 0x86dd;
    static final int PACKET_HOST = 0;
    static final int PACKET_OTHERHOST = 3;
    static final int PACKET_OUTGOING = 4;
    static final int PACKET_LOOPBACK = 5;
    private static final int AF_PACKET = 17;
    private static final int SO_RCVBUF = 8;
    private static final int SO_ATTACH_FILTER = 26;
    private static final int SOL_PACKET = 263;
    private static final int PACKET_STATISTICS = 6;
    private static final int STATISTICS_SIZE = 8;
    private static final int STATISTICS_DROPS = 4;
    private static final int SOCKADDR_SIZE = 20;
    private static final int SOCKADDR_PROTOCOL = 2;
    private static final int SOCKADDR_IFINDEX = 4;
    private static final int SOCKADDR_PKTTYPE = 10;

    private final int[] sockets = {-1, -1};
    private final int bytes;
    private final int receiveBuffer;
    private final Memory descriptors = new Memory(2L * Libc.POLLFD_SIZE);
    private final Memory packet;
    private final ByteBuffer view;
    private final Memory address = new Memory(SOCKADDR_SIZE);
    private final Memory length = new Memory(4);

    /** What to do with a packet. */
    interface Taker {
        /**
         * @param packet its first bytes, from the network header on, in network byte order; only valid during the call
         * @param ifindex of the device on which it was seen
         * @param type PACKET_*
         */
        void take(ByteBuffer packet, int ifindex, int type);
    }

    /**
     * @param bytes how many of a packet are of interest at most
     * @param receiveBuffer for how many bytes of packets each socket has room, in the kernel's reckoning. The kernel drops
     *     more at the filter
     */
    PacketSockets(int bytes, int receiveBuffer) {
        this.bytes = bytes;
        this.receiveBuffer = receiveBuffer;
        packet = new Memory(bytes);
        view = packet.getByteBuffer(0, bytes).order(ByteOrder.BIG_ENDIAN);
        descriptors.clear();
    }

    /**
     * Opens a socket.
     *
     * @param index 0 or 1
     * @param protocol ETH_P_*: ETH_P_ALL gets sent packets, too, and received ones before tc; others get those that are
     *     received, after tc
     * @throws KernelException EPERM: CAP_NET_RAW is missing
     */
    void listen(int index, int protocol, PacketFilter filter) {
        // Without a protocol the socket gets nothing until the filter is in place.
        int socket = Libc.socket(AF_PACKET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        sockets[index] = Libc.check(socket, "open", "packet socket");
        try (Memory size = new Memory(4);
                Memory program = filter.memory();
                Memory own = new Memory(SOCKADDR_SIZE)) {
            size.setInt(0, receiveBuffer);
            Libc.check(
                    Libc.setsockopt(socket, Libc.SOL_SOCKET, SO_RCVBUF, size, 4),
                    "set receive buffer of",
                    "packet socket");
            Libc.check(
                    Libc.setsockopt(socket, Libc.SOL_SOCKET, SO_ATTACH_FILTER, program, PacketFilter.FPROG_SIZE),
                    "set filter of",
                    "packet socket");
            own.clear();
            own.setShort(0, (short) AF_PACKET);
            own.getByteBuffer(0, SOCKADDR_SIZE).order(ByteOrder.BIG_ENDIAN).putShort(SOCKADDR_PROTOCOL, (short)
                    protocol);
            Libc.check(Libc.bind(socket, own, SOCKADDR_SIZE), "bind", "packet socket");
        }
        descriptors.setInt((long) Libc.POLLFD_SIZE * index, socket);
        descriptors.setShort((long) Libc.POLLFD_SIZE * index + Libc.POLLFD_EVENTS, Libc.POLLIN);
    }

    /**
     * Waits for packets, and takes those that have come by then.
     *
     * @param timeoutMillis at most so long
     * @param most how many to take from each socket
     */
    void await(int timeoutMillis, int most, Taker taker) {
        int ready = Libc.poll(descriptors, sockets.length, timeoutMillis);
        if (ready < 0 && Native.getLastError() == Errno.EINTR) {
            return;
        }
        Libc.check(ready, "wait for packets", "(packet socket)");
        for (int socket : sockets) {
            for (int taken = 0; taken < most && receive(socket, taker); taken++) {
                // receive() does the work
            }
        }
    }

    /** @return false: no packet is there */
    private boolean receive(int socket, Taker taker) {
        length.setInt(0, SOCKADDR_SIZE);
        long received = Libc.recvfrom(socket, packet, bytes, Libc.MSG_DONTWAIT, address, length);
        if (received < 0) {
            int errno = Native.getLastError();
            // A device that goes down is reported here once.
            if (errno == Errno.EAGAIN || errno == Errno.ENETDOWN) {
                return false;
            }
            throw new KernelException("read", "packet socket", errno);
        }
        taker.take(
                view.limit((int) Math.min(received, bytes)),
                address.getInt(SOCKADDR_IFINDEX),
                Byte.toUnsignedInt(address.getByte(SOCKADDR_PKTTYPE)));
        return true;
    }

    /** The packets that found no room since the last call. */
    long dropped() {
        long dropped = 0;
        try (Memory statistics = new Memory(STATISTICS_SIZE)) {
            for (int socket : sockets) {
                length.setInt(0, STATISTICS_SIZE);
                Libc.check(
                        Libc.getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, statistics, length),
                        "read statistics of",
                        "packet socket");
                dropped += Integer.toUnsignedLong(statistics.getInt(STATISTICS_DROPS));
            }
        }
        return dropped;
    }

    @Override
    public void close() {
        for (int i = 0; i < sockets.length; i++) {
            if (sockets[i] >= 0) {
                Libc.close(sockets[i]);
                sockets[i] = -1;
            }
        }
        for (Memory memory : List.of(descriptors, packet, address, length)) {
            memory.close();
        }
    }
}
