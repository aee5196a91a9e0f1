// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The running kernel's release, as {@code uname -r} prints it.
 *
 * @param major first number
 * @param minor second number
 * @param text all of it
 */
public record KernelRelease(int major, int minor, String text) {
    private static final Pattern NUMBERS = Pattern.compile("(\\d+)\\.(\\d+).*");

    public static KernelRelease current() {
        try {
            return parse(Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static KernelRelease parse(String text) {
        Matcher numbers = NUMBERS.matcher(text);
        if (!numbers.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a kernel release");
        }
        return new KernelRelease(Integer.parseInt(numbers.group(1)), Integer.parseInt(numbers.group(2)), text);
    }

    public boolean atLeast(int wantedMajor, int wantedMinor) {
        return major > wantedMajor || (major == wantedMajor && minor >= wantedMinor);
    }
}
