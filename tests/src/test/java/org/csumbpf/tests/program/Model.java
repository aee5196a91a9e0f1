// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.Optional;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;

/**
 * Predicts what the program must do with a frame, written from its description and the RFCs. No packet is decrypted by
 * IPsec, because a test run cannot make one. Each packet is its peer's first, with which mode adjust does what
 * recompute does; AdjustTest has the others.
 */
final class Model {
    static final int TC_ACT_UNSPEC = -1;
    static final int TC_ACT_SHOT = 2;

    /**
     * The prediction.
     *
     * @param label of the outcome or the total; "other": counted nowhere
     * @param countedAs the VNI of the rule; empty: the rule for any VNI, or no rule
     * @param ruled whether a rule matched
     * @param vni of the packet, if a rule matched
     * @param verdict TC_ACT_*
     * @param checksumAt offset of the checksum if it may change; -1: nothing changes
     * @param checksum the new checksum
     * @param delta what is learned of a new peer from this packet, as in {@link Peer}
     */
    record Prediction(
            String label,
            Optional<Vni> countedAs,
            boolean ruled,
            int vni,
            int verdict,
            int checksumAt,
            int checksum,
            int delta) {
        static Prediction unruled(String label) {
            return new Prediction(label, Optional.empty(), false, -1, TC_ACT_UNSPEC, -1, 0, Peer.DELTA_UNKNOWN);
        }

        byte[] output(byte[] frame) {
            if (checksumAt < 0) {
                return frame;
            }
            byte[] changed = frame.clone();
            changed[checksumAt] = (byte) (checksum >> 8);
            changed[checksumAt + 1] = (byte) checksum;
            return changed;
        }
    }

    private static final Prediction OTHER = Prediction.unruled("other");
    private static final Prediction MALFORMED = Prediction.unruled(Total.MALFORMED.label());
    private static final Prediction ESP = Prediction.unruled(Total.ESP.label());

    private final byte[] frame;
    private final boolean merged;
    private final Rules rules;

    private Model(byte[] frame, int gsoSize, Rules rules) {
        this.frame = frame;
        this.merged = gsoSize != 0;
        this.rules = rules;
    }

    static Prediction predict(byte[] frame, int gsoSize, Rules rules) {
        return new Model(frame, gsoSize, rules).ethernet();
    }

    private Prediction ethernet() {
        int at = 14;
        int type = u16(12);
        for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); tags++) {
            if (!has(at + 4)) {
                return OTHER;
            }
            type = u16(at + 2);
            at += 4;
        }
        return switch (type) {
            case 0x0800 -> ipv4(at);
            case 0x86dd -> ipv6(at);
            default -> OTHER;
        };
    }

    private Prediction ipv4(int at) {
        if (!has(at + 20)) {
            return MALFORMED;
        }
        if (u8(at + 9) == 50) {
            return ESP;
        }
        if (u8(at + 9) != 17) {
            return OTHER;
        }
        int header = (u8(at) & 15) * 4;
        int total = u16(at + 2);
        boolean fragment = (u16(at + 6) & 0x3fff) != 0;
        boolean liar = total < header || !has(at + total);
        if (fragment || u8(at) >> 4 != 4 || header < 20 || (liar && !merged)) {
            return MALFORMED;
        }
        return udp(false, at + 12, at + header, total - header);
    }

    private Prediction ipv6(int at) {
        if (!has(at + 40)) {
            return MALFORMED;
        }
        int next = u8(at + 6);
        int end = at + 40 + u16(at + 4);
        int from = at + 40;
        for (int skipped = 0; skipped < 4 && (next == 0 || next == 43 || next == 44 || next == 60); skipped++) {
            if (!has(from + 8)) {
                return MALFORMED;
            }
            int kind = next;
            int units = kind == 44 ? 0 : u8(from + 1);
            next = u8(from);
            if (kind == 44 && (u16(from + 2) & 0xfff9) != 0) {
                return next == 17 ? MALFORMED : OTHER;
            }
            if ((kind == 43 && u8(from + 3) != 0) || (kind == 60 && units > 1)) {
                return OTHER;
            }
            from += 8 + units * 8;
        }
        if (next == 50) {
            return ESP;
        }
        if (next != 17) {
            return OTHER;
        }
        if (u8(at) >> 4 != 6 || (!merged && (!has(end) || end < from))) {
            return MALFORMED;
        }
        return udp(true, at + 8, from, end - from);
    }

    private Prediction udp(boolean ipv6, int addresses, int at, int room) {
        if (!has(at + 8)) {
            return MALFORMED;
        }
        if (u16(at + 2) != rules.port()) {
            return OTHER;
        }
        int length = u16(at + 4);
        boolean liar = length < 16 || length > room;
        if ((liar && !merged) || !has(at + 16) || (u8(at + 8) & 8) == 0) {
            return MALFORMED;
        }
        int vni = u16(at + 12) << 8 | u8(at + 14);
        Rule rule = rules.byVni().get(new Vni(vni));
        Optional<Vni> countedAs = rule == null ? Optional.empty() : Optional.of(new Vni(vni));
        if (rule == null) {
            rule = rules.any().orElse(null);
        }
        if (rule == null) {
            return Prediction.unruled(Total.NO_RULE.label());
        }
        Outcome outcome;
        int verdict = TC_ACT_UNSPEC;
        int checksum = -1;
        int delta = Peer.DELTA_UNKNOWN;
        if (rule.unverified() && u16(at + 6) != 0 && !merged && length <= 9216) {
            delta = Words.add(u16(at + 6), ~Oracle.udpChecksum(frame, ipv6, addresses, at, length) & 0xffff);
        }
        if (!rule.unverified()) {
            outcome = rule.dropPlaintext() ? Outcome.DROPPED : Outcome.PLAINTEXT;
            verdict = rule.dropPlaintext() ? TC_ACT_SHOT : TC_ACT_UNSPEC;
        } else if (u16(at + 6) == 0) {
            outcome = Outcome.ZERO;
        } else if (merged) {
            outcome = Outcome.GSO;
        } else if (rule.mode() == Mode.ZERO || (rule.mode() == Mode.AUTO && !ipv6)) {
            outcome = Outcome.REPAIRED;
            checksum = 0;
        } else if (length > 9216) {
            outcome = Outcome.OVERSIZE;
        } else {
            int right = Oracle.udpChecksum(frame, ipv6, addresses, at, length);
            if (Oracle.accepts(u16(at + 6), right)) {
                outcome = Outcome.GOOD;
            } else if (rule.mode() == Mode.OBSERVE) {
                outcome = Outcome.BAD;
            } else {
                outcome = Outcome.REPAIRED;
                checksum = right;
            }
        }
        return new Prediction(
                outcome.label(), countedAs, true, vni, verdict, checksum < 0 ? -1 : at + 6, checksum, delta);
    }

    private boolean has(int end) {
        return end <= frame.length;
    }

    private int u8(int at) {
        return frame[at] & 0xff;
    }

    private int u16(int at) {
        return Words.get(frame, at);
    }
}
