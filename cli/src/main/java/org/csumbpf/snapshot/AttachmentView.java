// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.ProgramInfo;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.DropBaseline;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.Location;

/**
 * One attachment as {@link AttachmentReader} read it: only values.
 *
 * @param location namespace and device of the attachment
 * @param state whether the kernel runs the program
 * @param attached the program on its hook, while the kernel runs it
 * @param record what attach recorded, if it can be read
 * @param contents rules and counts, if they can be read
 * @param backstop the attachment's nftables rules, if they can be read
 * @param host what its network namespace counted, while that exists
 * @param afterTcDrops why decrypted packets seem to be dropped all the same; empty: they do not
 * @param findings problems, and what is worth knowing
 */
public record AttachmentView(
        Location location,
        State state,
        Optional<AttachedProgram> attached,
        Optional<AttachmentRecord> record,
        Optional<Contents> contents,
        Optional<BackstopView> backstop,
        Optional<HostCounts> host,
        Optional<String> afterTcDrops,
        List<Finding> findings) {
    public AttachmentView {
        findings = List.copyOf(findings);
    }

    /** Whether the kernel runs the program. Each state but ATTACHED is a finding too. */
    public enum State {
        ATTACHED("attached"),
        /** attach or detach has not finished. */
        NOT_HOOKED("half made", Finding.Id.HALF_MADE),
        /** attach finished, and somebody detached the program later. */
        HOOK_LOST("hook lost", Finding.Id.HOOK_LOST),
        INTERFACE_GONE("interface gone", Finding.Id.INTERFACE_GONE),
        /** Moved to another network namespace. With tcx the program moves too. */
        MOVED("interface moved", Finding.Id.INTERFACE_MOVED),
        NETNS_GONE("network namespace gone", Finding.Id.NETNS_GONE),
        /** The namespace may be held where csumbpf cannot search. */
        NETNS_NOT_FOUND("network namespace not found", Finding.Id.NETNS_NOT_FOUND),
        UNREADABLE("cannot be read", Finding.Id.UNREADABLE);

        private final String label;
        private final Optional<Finding.Id> finding;

        State(String label) {
            this.label = label;
            this.finding = Optional.empty();
        }

        State(String label, Finding.Id finding) {
            this.label = label;
            this.finding = Optional.of(finding);
        }

        /** The state as a finding. Not for ATTACHED, which is none. */
        Finding.Id finding() {
            return finding.orElseThrow();
        }

        public String label() {
            return label;
        }
    }

    /**
     * What the maps hold.
     *
     * @param rules what is repaired
     * @param counters by VNI
     * @param countersOfAny of the rule for any VNI
     * @param loopback of csumbpf_detour, by VNI
     * @param loopbackOfAny of csumbpf_detour, for the rule for any VNI
     * @param totals of the device
     * @param peers each peer that the program remembers; none if they were not asked for
     * @param senders the same, added up; none if they were not asked for
     * @param eventsLost events that could not be reported
     * @param lastDecryptedNanos age of the last packet that IPsec decrypted, nanoseconds, if there was one and peers or
     *     senders were asked for
     */
    public record Contents(
            RuleSet rules,
            Map<Vni, Counters> counters,
            Optional<Counters> countersOfAny,
            Map<Vni, Counters> loopback,
            Optional<Counters> loopbackOfAny,
            Map<Total, Count> totals,
            PeerTable peers,
            Senders senders,
            Map<EventType, Long> eventsLost,
            OptionalLong lastDecryptedNanos) {
        /** Over all rules. */
        public Counters sum() {
            return Counters.sum(counters.values()).plus(countersOfAny.orElse(Counters.NONE));
        }
    }

    /**
     * The program on its hook.
     *
     * @param hook which kind
     * @param program what the kernel reports of the program
     * @param before programs before it on the device's ingress, which may keep packets from it
     */
    public record AttachedProgram(String hook, ProgramInfo program, List<String> before) {}

    /**
     * Counts of the host, read before and after those of the program, because packets arrive in between. {@code begun}
     * is compared with an earlier baseline, and {@code ended} becomes a new one: so the program's counts cover at least
     * the time in which the host counted errors.
     *
     * @param begun when reading began
     * @param ended when reading had ended
     */
    public record HostCounts(NetStatistics begun, NetStatistics ended) {}

    /** Which paths repair packets. */
    public enum Path {
        TC("tc"),
        BACKSTOP("backstop"),
        BOTH("tc+backstop"),
        NONE("none");

        private final String label;

        Path(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    public Path path() {
        boolean tc = state == State.ATTACHED && findingsAfterTc().isEmpty();
        boolean afterTc = backstop.map(b -> b.state() == BackstopView.State.ON).orElse(false);
        if (afterTc) {
            return tc ? Path.BOTH : Path.BACKSTOP;
        }
        return tc ? Path.TC : Path.NONE;
    }

    /** What keeps decrypted packets from tc. */
    private List<Finding> findingsAfterTc() {
        return findings.stream()
                .filter(finding -> finding.id().decryptsAfterTc())
                .toList();
    }

    /** The path in words, with the reason if it is not both. */
    public String pathText() {
        return pathWithoutOthers()
                + (before().isEmpty() ? "" : "; " + String.join(" and ", before()) + " runs before csumbpf");
    }

    private String pathWithoutOthers() {
        if (state == State.ATTACHED && contents.isEmpty()) {
            return "tc; the backstop cannot be checked";
        }
        String why = findingsAfterTc().stream().map(Finding::text).collect(Collectors.joining("; "));
        String off = backstop.map(b -> " (" + b.state().label() + ": " + b.text() + ")")
                .orElse("");
        return switch (path()) {
            case BOTH ->
                "tc, and the nftables backstop for what is decrypted after tc ("
                        + backstop.orElseThrow().text() + ")";
            case BACKSTOP ->
                "the nftables backstop alone (" + backstop.orElseThrow().text() + ")"
                        + (why.isEmpty() ? "" : ": " + why);
            case TC ->
                contents.map(c -> c.rules().needsProof()).orElse(true)
                        ? "tc alone: what is decrypted after tc, such as fragmented ESP, is not repaired; backstop"
                                + off
                        : "tc";
            case NONE -> "none" + (off.isEmpty() ? "" : "; backstop" + off);
        };
    }

    public String ifname() {
        return location.ifname();
    }

    /** The interface, preceded by its namespace if that is not the caller's own: {@code netns/eth0}. */
    public String label() {
        return location.label();
    }

    /** What runs before the program on the device's ingress. */
    public List<String> before() {
        return attached.map(AttachedProgram::before).orElse(List.of());
    }

    /** The problems, a line each. */
    public List<String> problems() {
        return findings.stream()
                .filter(finding -> finding.severity() == Finding.Severity.PROBLEM)
                .map(Finding::text)
                .toList();
    }

    /**
     * Where VXLAN packets arrive, by the rules of one or more attachments.
     *
     * @param netns inode of the network namespace
     * @param number of the UDP port, in host order
     */
    public record Port(long netns, int number) {
        // A key of maps. A record's implicit methods are generated at the first call, which takes a tenth of the time
        // of status.
        @Override
        public boolean equals(Object other) {
            return other instanceof Port port && port.netns == netns && port.number == number;
        }

        @Override
        public int hashCode() {
            return 31 * Long.hashCode(netns) + number;
        }
    }

    /** The port of the rules; empty if they cannot be read. */
    public Optional<Port> port() {
        return contents.map(c -> new Port(location.netns(), c.rules().port()));
    }

    /**
     * The counts to compare with the baseline; empty if they cannot be read, or attach has not finished and there is no
     * baseline.
     */
    public Optional<DropBaseline> dropCounts() {
        return dropCounts(host.map(HostCounts::begun));
    }

    /** The counts as a baseline, for later comparison. */
    public Optional<DropBaseline> baseline() {
        return dropCounts(host.map(HostCounts::ended));
    }

    private Optional<DropBaseline> dropCounts(Optional<NetStatistics> counted) {
        return counted.flatMap(statistics -> dropCounts(record, contents, backstop, statistics));
    }

    /** The same from parts that were read one by one. */
    static Optional<DropBaseline> dropCounts(
            Optional<AttachmentRecord> record,
            Optional<Contents> contents,
            Optional<BackstopView> backstop,
            NetStatistics statistics) {
        return record.filter(AttachmentRecord::finished).isEmpty()
                ? Optional.empty()
                : contents.map(now -> counted(now, backstop, statistics));
    }

    private static DropBaseline counted(Contents now, Optional<BackstopView> backstop, NetStatistics statistics) {
        Counters tc = now.sum();
        BackstopCounters afterTc = backstop.map(BackstopView::sum).orElse(BackstopCounters.NONE);
        // Fragments are left out because they may be of any port; plaintext and VNIs without a rule because nobody
        // checked their checksums. Counted here, they would hide a real loss.
        long left = tc.get(Outcome.BAD).packets()
                + tc.get(Outcome.FAILED).packets()
                + tc.get(Outcome.OVERSIZE).packets()
                + tc.get(Outcome.CORRUPT).packets()
                + afterTc.get(BackstopOutcome.UNJUDGED).packets()
                + afterTc.get(BackstopOutcome.FAILED).packets();
        DropBaseline ofHost = AfterTcDrops.ofHost(statistics, now.rules().port());
        return new DropBaseline(
                ofHost.checksumErrors(),
                ofHost.reassembled(),
                now.totals().get(Total.ESP).packets(),
                tc.get(Outcome.REPAIRED).packets()
                        + afterTc.get(BackstopOutcome.REPAIRED).packets(),
                left);
    }

    /** Each peer that the program remembers; none if they were not asked for or the maps cannot be read. */
    public PeerTable peers() {
        return contents.map(Contents::peers).orElse(PeerTable.NONE);
    }

    AttachmentView with(Optional<String> afterTcDropsNow, List<Finding> findingsNow) {
        return new AttachmentView(
                location, state, attached, record, contents, backstop, host, afterTcDropsNow, findingsNow);
    }
}
