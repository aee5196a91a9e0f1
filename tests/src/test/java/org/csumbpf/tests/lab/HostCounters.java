// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the kernel's own counters of a host. */
public final class HostCounters {
    private HostCounters() {}

    /** A counter of nstat(8): UdpInCsumErrors, Udp6InCsumErrors and the like. */
    public static long snmp(Host host, String name) {
        return value(host.run("nstat", "-asz", name).ok().out(), name);
    }

    /** A counter of /proc/net/xfrm_stat. */
    public static long xfrm(Host host, String name) {
        return value(host.run("cat", "/proc/net/xfrm_stat").ok().out(), name);
    }

    /** Packets that a device received. */
    public static long received(Host host, String device) {
        return Host.parse(host.run("ip", "-s", "-j", "link", "show", "dev", device)
                        .ok()
                        .out())
                .at("/0/stats64/rx/packets")
                .asLong();
    }

    private static long value(String text, String name) {
        Matcher matcher = Pattern.compile("(?m)^" + name + "\\s+(\\d+)").matcher(text);
        if (!matcher.find()) {
            throw new AssertionError("no " + name + " in " + text);
        }
        return Long.parseLong(matcher.group(1));
    }
}
