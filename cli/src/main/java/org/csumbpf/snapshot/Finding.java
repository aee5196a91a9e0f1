// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.csumbpf.maps.Backstop;

/**
 * Something that is wrong with an attachment or its host, or that is worth knowing. Programs should use the id; the
 * words are only printed.
 *
 * @param id the kind of finding
 * @param severity how bad it is
 * @param subject what the finding is about: an interface, a module, a table
 * @param evidence what is known, in words
 * @param remedies what can be done about it; empty: nothing that csumbpf knows of
 */
public record Finding(Id id, Severity severity, String subject, String evidence, List<Remedy> remedies) {
    public Finding {
        remedies = List.copyOf(remedies);
    }

    /** The kind of finding. The labels are stable. */
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
        /** Another program runs before csumbpf on the same hook, and packets are lost. */
        PROGRAM_BEFORE,
        BACKSTOP_LOST,
        /** attach made a backstop, which cannot be read now. */
        BACKSTOP_UNREADABLE,
        /** No repaired packet arrives: the host drops them after csumbpf. */
        DROPPED_AFTER_REPAIR,
        /** esp4_offload is loaded and breaks something on this host. */
        MODULE_HARMS,
        /** nftables cannot be used, so what is decrypted after tc is not repaired. */
        BACKSTOP_UNAVAILABLE,
        /** The backstop repairs only IPv4. */
        IPV6_NOT_COVERED,
        /** A part of an attachment stays, and may be undone later or by hand. */
        LEFT_BEHIND,
        /** The remains of another attachment, which is gone, were removed. */
        CLEARED_AWAY,
        /** This and all below keep decrypted packets from tc. */
        DEVICE_DECRYPTS_BEHIND_TC,
        GRO_OFF,
        GENERIC_XDP,
        VETH_WITHOUT_GRO,
        MODULE_MISSING,
        /** The module is not loaded, because it would break something. */
        MODULE_UNSAFE,
        MODULE_NOT_LOADED;

        /** The name that the command prints. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Whether the finding keeps decrypted packets from tc, so that only the backstop can repair them. */
        public boolean decryptsAfterTc() {
            return compareTo(DEVICE_DECRYPTS_BEHIND_TC) >= 0;
        }
    }

    /** How bad a finding is. */
    public enum Severity {
        /** Something does not do what was asked for. */
        PROBLEM,
        /** Worth knowing; another path may still repair. */
        NOTE;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static Finding problem(Id id, String subject, String evidence, Remedy... remedies) {
        return new Finding(id, Severity.PROBLEM, subject, evidence, List.of(remedies));
    }

    /** Has no remedy, because no command can help. */
    public static Finding note(Id id, String subject, String evidence) {
        return new Finding(id, Severity.NOTE, subject, evidence, List.of());
    }

    /** The finding without its remedies. */
    public Finding withoutRemedies() {
        return new Finding(id, severity, subject, evidence, List.of());
    }

    /** What csumbpf itself may do about it; empty: the first remedy is for a person. */
    public Optional<Fix> fix() {
        return remedies.stream().findFirst().flatMap(Remedy::fix);
    }

    /** The finding with a first remedy that csumbpf itself may carry out. */
    Finding fixedBy(Fix fix) {
        List<Remedy> own = new ArrayList<>(remedies);
        own.set(0, own.get(0).by(fix));
        return new Finding(id, severity, subject, evidence, own);
    }

    /** The finding with its consequence in front. */
    public Finding because(String consequence) {
        return new Finding(id, severity, subject, consequence + evidence, remedies);
    }

    Finding as(Severity other) {
        return new Finding(id, other, subject, evidence, remedies);
    }

    /** Removes the remedy to ask for the backstop, if the user asked for it already. */
    Finding withBackstop(Backstop asked) {
        return asked == Backstop.NEVER
                ? this
                : new Finding(
                        id,
                        severity,
                        subject,
                        evidence,
                        remedies.stream()
                                .filter(remedy -> remedy != Preflight.USE_BACKSTOP)
                                .toList());
    }

    /** In one line. */
    public String text() {
        return remedies.isEmpty() ? evidence : evidence + "; " + joined(Remedy::text);
    }

    /** What to do, if the evidence is printed already. */
    String advice() {
        return joined(Remedy::advice);
    }

    private String joined(Function<Remedy, String> words) {
        return remedies.stream().map(words).collect(Collectors.joining(", "));
    }
}
