// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * The numbers of Linux and its C library that differ by architecture; no other class has such numbers. The loader's
 * other constants and layouts are the same on these architectures (little-endian, LP64), and are defined in the classes
 * that use them. AbiTest compares both with the C compiler's, for each architecture.
 */
public enum Abi {
    /** Debian's amd64, uname's x86_64. */
    AMD64("amd64", 0200000, 176),
    /** Debian's arm64, uname's aarch64. x86's number of O_DIRECTORY is O_DIRECT here, and the other way round. */
    ARM64("aarch64", 040000, 106);

    private final String osArch;
    private final int oDirectory;
    private final long sysDeleteModule;

    Abi(String osArch, int oDirectory, long sysDeleteModule) {
        this.osArch = osArch;
        this.oDirectory = oDirectory;
        this.sysDeleteModule = sysDeleteModule;
    }

    /** The Abi of this JVM. LibbpfException if csumbpf does not know the architecture. */
    public static Abi current() {
        return of(System.getProperty("os.arch"));
    }

    /** The Abi with the JVM's name for the architecture, as in the property os.arch. */
    static Abi of(String osArch) {
        for (Abi abi : values()) {
            if (abi.osArch.equals(osArch)) {
                return abi;
            }
        }
        throw new LibbpfException(
                "csumbpf does not support the architecture " + osArch, "amd64 and arm64 are supported", null);
    }

    /** O_DIRECTORY of open(2). */
    public int oDirectory() {
        return oDirectory;
    }

    /** The number of the system call delete_module(2). */
    public long sysDeleteModule() {
        return sysDeleteModule;
    }
}
