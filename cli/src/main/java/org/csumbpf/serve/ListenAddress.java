// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where to listen, written as HOST:PORT. A name is looked up by {@code resolve()}, not before.
 *
 * @param host a name or an address, IPv6 without brackets; empty for all addresses of the host
 * @param port 0 to 65535; 0 lets the kernel choose
 */
public record ListenAddress(String host, int port) {
    public static final String DEFAULT = "127.0.0.1:14789";

    private static final Pattern FORM = Pattern.compile("(?:\\[([^]\\[]*)]|([^\\[\\]:/\\s]*)):(\\d{1,5})");

    public ListenAddress {
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port " + port + " is out of range; 0 to 65535");
        }
    }

    /** Takes 127.0.0.1:14789, name:14789, [::1]:14789, or :14789 for all addresses; else IllegalArgumentException. */
    public static ListenAddress parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not HOST:PORT, such as 127.0.0.1:14789, [::1]:14789 or :14789");
        }
        int port = Integer.parseInt(matcher.group(3));
        if (port > 65535) {
            throw new IllegalArgumentException("'" + text + "': port " + port + " is out of range; 0 to 65535");
        }
        String literal = matcher.group(1);
        if (literal != null && !isIpv6(literal)) {
            throw new IllegalArgumentException("'" + text + "': '" + literal + "' is not an IPv6 address of this host");
        }
        return new ListenAddress(literal == null ? matcher.group(2) : literal, port);
    }

    /** Text with a colon is never looked up as a name. A zone must be an existing device. */
    private static boolean isIpv6(String text) {
        try {
            return text.indexOf(':') >= 0 && InetAddress.getByName(text) != null;
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /** Looks the host up. The result is unresolved if that fails. */
    InetSocketAddress resolve() {
        return host.isEmpty() ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
    }

    @Override
    public String toString() {
        return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
    }
}
