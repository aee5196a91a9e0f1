// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.csumbpf.maps.Backstop;

/**
 * Something that is amiss with an attachment or its host, or worth knowing of it. Programs go by the id; only what is printed
 * goes by the words.
 *
 * @param id what it is
 * @param severity how bad it is
 * @param subject what it is about: an interface, a module, a table
 * @param evidence what is known, in words
 * @param remedies what can be done about it; empty: nothing that csumbpf knows of
 */
public record Finding(Id id, Severity severity, String subject, String evidence, List<Remedy> remedies) {
    public Finding {
        remedies = List.copyOf(remedies);
    }

    /** What it is. The labels are stable. */
    public enum Id {
        HALF_MADE,
        HOOK_LOST,
        PIN_MISSING,
        OTHER_VERSION,
        UNREADABLE,
        INTERFACE_GONE,
        INTERFACE_MOVED,
        NETNS_GONE,
        NETNS_NOT_FOUND,
        /** Another program runs before csumbpf on the same hook, and packets die. */
        PROGRAM_BEFORE,
        BACKSTOP_LOST,
        /** attach made it, and nobody can look at it. */
        BACKSTOP_UNREADABLE,
        /** Nothing that was repaired arrives: the host drops it behind csumbpf. */
        DROPPED_AFTER_REPAIR,
        /** esp4_offload, which attach loaded, breaks something that has come since. */
        MODULE_HARMS,
        /** nftables cannot be used, so what bypasses tc is not repaired. */
        BACKSTOP_UNAVAILABLE,
        /** The backstop repairs IPv4 alone. */
        IPV6_NOT_COVERED,
        /** Something of an attachment stays, and may be undone later or by hand. */
        LEFT_BEHIND,
        /** What was left of another attachment, which is gone, was cleared away. */
        CLEARED_AWAY,
        /** Of the kind that keeps decrypted packets from tc, as all below. */
        DEVICE_DECRYPTS_BEHIND_TC,
        GRO_OFF,
        GENERIC_XDP,
        VETH_WITHOUT_GRO,
        MODULE_MISSING,
        /** It is not loaded, since it would break something. */
        MODULE_UNSAFE,
        MODULE_NOT_LOADED;

        /** The name that the command prints. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether it keeps decrypted packets from tc, so that only the backstop can repair them. */
        public boolean bypassesTc() {
            return compareTo(DEVICE_DECRYPTS_BEHIND_TC) >= 0;
        }
    }

    /** How bad it is. */
    public enum Severity {
        /** Something does not do what it was asked for. */
        PROBLEM,
        /** Worth knowing; another path may make up for it. */
        NOTE;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Finding problem(Id id, String subject, String evidence, Remedy... remedies) {
        return new Finding(id, Severity.PROBLEM, subject, evidence, List.of(remedies));
    }

    /** Without a remedy that a command could say. */
    public static Finding note(Id id, String subject, String evidence) {
        return new Finding(id, Severity.NOTE, subject, evidence, List.of());
    }

    /** Without what can be done about it. */
    public Finding withoutRemedies() {
        return new Finding(id, severity, subject, evidence, List.of());
    }

    /** With what follows from it in front. */
    public Finding because(String consequence) {
        return new Finding(id, severity, subject, consequence + evidence, remedies);
    }

    Finding as(Severity other) {
        return new Finding(id, other, subject, evidence, remedies);
    }

    /** The same where the backstop was asked for: to ask for it mends nothing then. */
    Finding withBackstop(Backstop asked) {
        return asked == Backstop.NEVER
                ? this
                : new Finding(
                        id,
                        severity,
                        subject,
                        evidence,
                        remedies.stream()
                                .filter(remedy -> !remedy.equals(Preflight.USE_BACKSTOP))
                                .toList());
    }

    /** In one line. */
    public String text() {
        return remedies.isEmpty() ? evidence : evidence + "; " + joined(Remedy::text);
    }

    /** What to do, where the evidence is told already. */
    String advice() {
        return joined(Remedy::advice);
    }

    private String joined(Function<Remedy, String> words) {
        return remedies.stream().map(words).collect(Collectors.joining(", "));
    }
}
