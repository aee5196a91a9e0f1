// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import org.csumbpf.loader.Abi;
import org.csumbpf.loader.KernelException;

/** All functions of libc that this package calls. If one fails, it returns -1 and sets errno. */
final class Libc {
    static final int O_RDONLY = 0;
    static final int O_DIRECTORY = Abi.current().oDirectory();
    static final int O_RDWR = 2;
    static final int O_CREAT = 0100;
    static final int O_CLOEXEC = 02000000;
    static final int O_PATH = 010000000;

    static final int AF_UNIX = 1;
    static final int AF_INET = 2;
    static final int AF_INET6 = 10;
    static final int AF_NETLINK = 16;
    static final int SOCK_DGRAM = 2;
    static final int SOCK_RAW = 3;
    static final int SOCK_CLOEXEC = 02000000;
    static final int SOL_SOCKET = 1;
    static final int MSG_DONTWAIT = 0x40;
    /** {@code struct pollfd}. */
    static final int POLLFD_SIZE = 8;

    static final int POLLFD_EVENTS = 4;
    static final int POLLFD_REVENTS = 6;
    static final short POLLIN = 1;

    /**
     * Never freed, so that JNA's thread that frees memory never ends. It would end with the last block of memory; the
     * next such thread would inherit, and hold, the network namespace of the thread that allocates memory then.
     */
    private static final Memory KEPT = new Memory(1);

    static {
        Native.register(Libc.class, "c");
    }

    private Libc() {}

    static native int open(String path, int flags);

    static native int open(String path, int flags, int mode);

    /** @param path ends with a zero byte; for names that are not valid text in any encoding */
    static native int open(byte[] path, int flags);

    static native int mkdir(String path, int mode);

    static native int chmod(String path, int mode);

    static native int close(int fd);

    static native int flock(int fd, int operation);

    static native int setns(int fd, int type);

    static native int ioctl(int fd, long request, Pointer argument);

    static native int ioctl(int fd, long request);

    static native int socket(int domain, int type, int protocol);

    static native int bind(int fd, Pointer address, int addressLength);

    static native int poll(Pointer descriptors, long count, int timeoutMillis);

    static native int getsockopt(int fd, int level, int option, Pointer value, Pointer length);

    static native long send(int fd, Pointer buffer, long length, int flags);

    static native long sendto(int fd, Pointer buffer, long length, int flags, Pointer address, int addressLength);

    static native long recv(int fd, Pointer buffer, long length, int flags);

    static native long recvfrom(int fd, Pointer buffer, long length, int flags, Pointer address, Pointer addressLength);

    static native int setsockopt(int fd, int level, int option, Pointer value, int length);

    static native int statfs(String path, Pointer result);

    static native int mount(String source, String target, String type, long flags, String data);

    static native int umount2(String target, int flags);

    static native int clock_gettime(int clock, Pointer timespec);

    static native long syscall(long number, String first, long second);

    static native long syscall(long number, long first, long second, long third, long fourth, long fifth);

    static native int geteuid();

    /** The result, or a KernelException with errno for -1. */
    static int check(int result, String operation, String object) {
        if (result < 0) {
            throw new KernelException(operation, object, Native.getLastError());
        }
        return result;
    }

    static long check(long result, String operation, String object) {
        if (result < 0) {
            throw new KernelException(operation, object, Native.getLastError());
        }
        return result;
    }
}
