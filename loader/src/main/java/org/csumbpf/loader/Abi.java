// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

/**
 * The numbers of Linux and its C library that differ by architecture: the only place for them. All other constants and
 * layouts that the loader uses are the same on each architecture here (little-endian, LP64) and stand with their users.
 * AbiTest compares both with the C compiler's, for each architecture.
 */
public enum Abi {
    /** Debian's amd64, uname's x86_64. */
    AMD64("amd64", 0200000, 176),
    /** Debian's arm64, uname's aarch64. x86's O_DIRECTORY means O_DIRECT here, and the other way round. */
    ARM64("aarch64", 040000, 106);

    private final String osArch;
    private final int oDirectory;
    private final long sysDeleteModule;

    Abi(String osArch, int oDirectory, long sysDeleteModule) {
        this.osArch = osArch;
        this.oDirectory = oDirectory;
        this.sysDeleteModule = sysDeleteModule;
    }

    /** That of this JVM. LibbpfException: an architecture whose numbers nobody has looked up. */
    public static Abi current() {
        return of(System.getProperty("os.arch"));
    }

    /** By the JVM's name for it, as in the property os.arch. */
    static Abi of(String osArch) {
        for (Abi abi : values()) {
            if (abi.osArch.equals(osArch)) {
                return abi;
            }
        }
        throw new LibbpfException(
                "csumbpf does not know the architecture " + osArch, "it runs on amd64 and arm64", null);
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
