// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import java.util.Map;

/** The Linux errno values that this project uses (asm-generic/errno-base.h and errno.h). */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int E2BIG = 7;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EPIPE = 32;
    public static final int ERANGE = 34;
    public static final int ENOLCK = 37;
    public static final int ENOSYS = 38;
    public static final int ENOLINK = 67;
    public static final int EPROTONOSUPPORT = 93;
    public static final int EOPNOTSUPP = 95;
    public static final int ENETDOWN = 100;
    public static final int ENETUNREACH = 101;
    public static final int ENOBUFS = 105;
    public static final int EHOSTUNREACH = 113;
    /** Kernel-internal, but the bpf system call returns it for operations that an object does not have. */
    public static final int ENOTSUPP = 524;

    private static final Map<Integer, String> TEXT = Map.ofEntries(
            Map.entry(EPERM, "EPERM (Operation not permitted)"),
            Map.entry(ENOENT, "ENOENT (No such file or directory)"),
            Map.entry(EINTR, "EINTR (Interrupted system call)"),
            Map.entry(EIO, "EIO (Input/output error)"),
            Map.entry(E2BIG, "E2BIG (Argument list too long)"),
            Map.entry(EBADF, "EBADF (Bad file descriptor)"),
            Map.entry(EAGAIN, "EAGAIN (Resource temporarily unavailable)"),
            Map.entry(ENOMEM, "ENOMEM (Cannot allocate memory)"),
            Map.entry(EACCES, "EACCES (Permission denied)"),
            Map.entry(EBUSY, "EBUSY (Device or resource busy)"),
            Map.entry(EEXIST, "EEXIST (File exists)"),
            Map.entry(ENODEV, "ENODEV (No such device)"),
            Map.entry(ENOTDIR, "ENOTDIR (Not a directory)"),
            Map.entry(EINVAL, "EINVAL (Invalid argument)"),
            Map.entry(ENFILE, "ENFILE (Too many open files in system)"),
            Map.entry(EMFILE, "EMFILE (Too many open files)"),
            Map.entry(ENOSPC, "ENOSPC (No space left on device)"),
            Map.entry(EROFS, "EROFS (Read-only file system)"),
            Map.entry(EPIPE, "EPIPE (Broken pipe)"),
            Map.entry(ERANGE, "ERANGE (Result not representable)"),
            Map.entry(ENOLCK, "ENOLCK (No locks available)"),
            Map.entry(ENOSYS, "ENOSYS (Function not implemented)"),
            Map.entry(ENOLINK, "ENOLINK (Link has been severed)"),
            Map.entry(EPROTONOSUPPORT, "EPROTONOSUPPORT (Protocol not supported)"),
            Map.entry(EOPNOTSUPP, "EOPNOTSUPP (Operation not supported)"),
            Map.entry(ENETDOWN, "ENETDOWN (Network is down)"),
            Map.entry(ENETUNREACH, "ENETUNREACH (Network is unreachable)"),
            Map.entry(EHOSTUNREACH, "EHOSTUNREACH (No route to host)"),
            Map.entry(ENOBUFS, "ENOBUFS (No buffer space available)"),
            Map.entry(ENOTSUPP, "ENOTSUPP (Operation not supported)"));

    private Errno() {}

    /** The name alone, {@code ENODEV}; the bare number if this table lacks it. */
    public static String name(int errno) {
        String text = TEXT.get(errno);
        return text == null ? Integer.toString(errno) : text.substring(0, text.indexOf(' '));
    }

    /** Name and text of a positive errno; the bare number if this table lacks it. */
    public static String describe(int errno) {
        return TEXT.getOrDefault(errno, "errno " + errno);
    }
}
