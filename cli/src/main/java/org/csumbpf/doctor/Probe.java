// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What ping(8) learned of the way to a peer, outside of ESP and with "don't fragment" set: one try with small packets, one
 * with packets as long as the overlay's longest in ESP.
 *
 * @param peer its address
 * @param bytes of the long IP packets
 * @param small answers to small packets; -1: ping cannot be run
 * @param full answers to long packets; -1: ping cannot be run
 * @param mtu of the way, as a router reported it; 0: none did
 */
public record Probe(String peer, int bytes, int small, int full, int mtu) {
    private static final Pattern RECEIVED = Pattern.compile("(\\d{1,6}) (?:packets )?received");
    private static final Pattern MTU = Pattern.compile("mtu ?= ?(\\d{1,6})");

    public Probe {
        peer = peer == null ? "" : peer;
    }

    /** @param smallOutput what 'ping -q' printed for small packets, and fullOutput for long ones */
    static Probe of(String peer, int bytes, String smallOutput, String fullOutput) {
        return new Probe(
                peer,
                bytes,
                number(RECEIVED, smallOutput, -1),
                number(RECEIVED, fullOutput, -1),
                number(MTU, fullOutput, 0));
    }

    private static int number(Pattern pattern, String output, int otherwise) {
        Matcher found = pattern.matcher(output);
        return found.find() ? Integer.parseInt(found.group(1)) : otherwise;
    }
}
