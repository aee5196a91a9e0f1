// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.csumbpf.loader.Errno;

/**
 * Reports the state of a service of Type=notify to systemd: sd_notify(3), without libsystemd. Does nothing without
 * NOTIFY_SOCKET in the environment. A message that cannot be delivered is no error, because the service still works.
 */
public final class SystemdNotify {
    private static final int MSG_NOSIGNAL = 0x4000;
    /** struct sockaddr_un: the family, 2 bytes, then the path. */
    private static final int PATH_OFFSET = 2;

    private static final int PATH_SIZE = 108;
    /** How long to wait for a receiver whose queue is full: 100 times 10 ms. */
    private static final int TRIES = 100;

    private static final long PAUSE_MILLIS = 10;

    private final String socket;
    private final boolean watched;

    /** The socket's path, or its abstract name with '@' in front; null: none. */
    SystemdNotify(String socket, boolean watched) {
        this.socket = socket;
        this.watched = watched;
    }

    /** For the socket in NOTIFY_SOCKET, if it is set; watched if WATCHDOG_USEC is set. */
    public static SystemdNotify fromEnvironment() {
        return new SystemdNotify(System.getenv("NOTIFY_SOCKET"), System.getenv("WATCHDOG_USEC") != null);
    }

    /** Reports that start-up is over. 'systemctl status' shows the status. Returns whether systemd took the message. */
    public boolean ready(String status) {
        return send("READY=1\nSTATUS=" + oneLine(status));
    }

    /**
     * Reports that the service does its work, for WatchdogSec=, which must be a minute or more: a round of an agent may
     * wait for the lock of another command. Returns whether systemd took the message.
     */
    public boolean alive() {
        return watched && send("WATCHDOG=1");
    }

    /** Reports what 'systemctl status' shows from now on. Returns whether systemd took the message. */
    public boolean status(String status) {
        return send("STATUS=" + oneLine(status));
    }

    /** Reports that the service is about to end. Returns whether systemd took the message. */
    public boolean stopping() {
        return send("STOPPING=1");
    }

    /** A newline would end the assignment, and begin another. */
    private static String oneLine(String text) {
        return text.replace('\n', ' ');
    }

    private boolean send(String state) {
        if (socket == null || socket.isEmpty()) {
            return false;
        }
        boolean isAbstract = socket.startsWith("@");
        byte[] path = socket.getBytes(StandardCharsets.UTF_8);
        if (path.length >= PATH_SIZE || !(isAbstract || socket.startsWith("/"))) {
            return false; // vsock:, for example, is for virtual machines
        }
        if (isAbstract) {
            path[0] = 0;
        }
        byte[] message = state.getBytes(StandardCharsets.UTF_8);
        int fd = Libc.socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0) {
            return false;
        }
        try (Memory address = new Memory(PATH_OFFSET + PATH_SIZE);
                Memory datagram = new Memory(message.length)) {
            address.clear();
            ByteBuffer fields = address.getByteBuffer(0, address.size()).order(ByteOrder.nativeOrder());
            fields.putShort(0, (short) Libc.AF_UNIX);
            address.write(PATH_OFFSET, path, 0, path.length);
            datagram.write(0, message, 0, message.length);
            return deliver(fd, datagram, address, PATH_OFFSET + path.length);
        } finally {
            Libc.close(fd);
        }
    }

    private static boolean deliver(int fd, Memory datagram, Memory address, int addressLength) {
        for (int left = TRIES; left > 0; left--) {
            if (Libc.sendto(fd, datagram, datagram.size(), Libc.MSG_DONTWAIT | MSG_NOSIGNAL, address, addressLength)
                    >= 0) {
                return true;
            }
            int errno = Native.getLastError();
            if (errno != Errno.EAGAIN && errno != Errno.EINTR) {
                return false;
            }
            try {
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return false;
    }
}
