// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.csumbpf.loader.host.NetDevice;

/** Devices as a user names them: by name, by glob ({@code eth*}), or by an address that they have (10.0.0.0/8). */
public final class InterfacePattern {
    /** IFNAMSIZ of alternative names, ALTIFNAMSIZ. */
    private static final int LONGEST = 127;
    /** The time to match grows with a power of this. */
    private static final int MOST_STARS = 3;

    private static final Pattern IPV4 = Pattern.compile("(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\\.(?!$)|$)){4}");
    private static final Pattern IPV6 = Pattern.compile("[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");

    private final String text;
    private final Optional<byte[]> prefix;
    private final int bits;
    private final Optional<PathMatcher> glob;

    private InterfacePattern(String text, Optional<byte[]> prefix, int bits, Optional<PathMatcher> glob) {
        this.text = text;
        this.prefix = prefix;
        this.bits = bits;
        this.glob = glob;
    }

    /** @throws IllegalArgumentException with a message for the user */
    public static InterfacePattern parse(String text) {
        int slash = text.indexOf('/');
        String head = slash < 0 ? text : text.substring(0, slash);
        Optional<byte[]> address = address(head);
        if (address.isPresent()) {
            int longest = address.get().length * 8;
            return new InterfacePattern(
                    text,
                    address,
                    slash < 0 ? longest : length(text, text.substring(slash + 1), longest),
                    Optional.empty());
        }
        if (text.isEmpty()
                || text.length() > LONGEST
                || slash >= 0
                || text.chars().anyMatch(Character::isWhitespace)) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not a name, a glob such as eth*, an address, or a prefix such as 10.0.0.0/8");
        }
        if (text.chars().noneMatch(c -> "*?[]{}\\".indexOf(c) >= 0)) {
            return new InterfacePattern(text, Optional.empty(), 0, Optional.empty());
        }
        if (text.chars().filter(c -> c == '*' || c == '{').count() > MOST_STARS) {
            throw new IllegalArgumentException(
                    "'" + text + "' has more than " + MOST_STARS + " stars and lists in braces");
        }
        try {
            PathMatcher glob = FileSystems.getDefault().getPathMatcher("glob:" + text);
            return new InterfacePattern(text, Optional.empty(), 0, Optional.of(glob));
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("'" + text + "' is not a glob: " + e.getDescription(), e);
        }
    }

    private static int length(String text, String length, int longest) {
        if (!length.matches("[0-9]{1,3}") || Integer.parseInt(length) > longest) {
            throw new IllegalArgumentException(
                    "'" + text + "': the length of the prefix is a number from 0 to " + longest);
        }
        return Integer.parseInt(length);
    }

    /** Never asks a name server. */
    private static Optional<byte[]> address(String text) {
        if (!IPV4.matcher(text).matches() && !IPV6.matcher(text).matches()) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByName(text).getAddress());
        } catch (UnknownHostException e) {
            return Optional.empty();
        }
    }

    /** @param addresses of the device */
    public boolean matches(NetDevice device, List<InetAddress> addresses) {
        if (prefix.isPresent()) {
            return addresses.stream().anyMatch(address -> isIn(address.getAddress()));
        }
        return glob.map(pattern -> Stream.concat(Stream.of(device.name()), device.altnames().stream())
                        .anyMatch(name -> matches(pattern, name)))
                .orElseGet(() -> device.isCalled(text));
    }

    private static boolean matches(PathMatcher pattern, String name) {
        try {
            return pattern.matches(Path.of(name));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private boolean isIn(byte[] address) {
        byte[] wanted = prefix.orElseThrow();
        if (address.length != wanted.length) {
            return false;
        }
        for (int bit = 0; bit < bits; bit++) {
            int mask = 0x80 >> bit % 8;
            if ((address[bit / 8] & mask) != (wanted[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof InterfacePattern pattern && pattern.text.equals(text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    /** As the user wrote it. */
    @Override
    public String toString() {
        return text;
    }
}
