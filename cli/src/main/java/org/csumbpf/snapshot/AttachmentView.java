// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.ProgramInfo;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Evidence;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.Place;

/**
 * One attachment as it was when {@link AttachmentReader} looked: nothing but values.
 *
 * @param place whose it is
 * @param state whether the kernel runs the program
 * @param hanging the program on its hook, while the kernel runs it
 * @param record what attach noted, if it can be read
 * @param contents rules and counts, if they can be read
 * @param backstop the nftables rules beside the program, if it can be told
 * @param host what its network namespace counted, while that exists
 * @param offPath what tells that decrypted packets die all the same; empty: nothing does
 * @param findings what stands in the way, or is worth knowing
 */
public record AttachmentView(
        Place place,
        State state,
        Optional<Hanging> hanging,
        Optional<AttachmentRecord> record,
        Optional<Contents> contents,
        Optional<BackstopView> backstop,
        Optional<HostCounts> host,
        Optional<String> offPath,
        List<Finding> findings) {
    public AttachmentView {
        findings = List.copyOf(findings);
    }

    /** Whether the kernel runs the program. What is no attachment in force is a finding too. */
    public enum State {
        ATTACHED("attached"),
        /** attach has not finished, or detach has not. */
        NOT_HOOKED("half made", Finding.Id.HALF_MADE),
        /** attach had finished, and somebody has taken the program off since. */
        HOOK_LOST("hook lost", Finding.Id.HOOK_LOST),
        INTERFACE_GONE("interface gone", Finding.Id.INTERFACE_GONE),
        /** To another network namespace; the program goes along where the hook is tcx. */
        MOVED("interface moved", Finding.Id.INTERFACE_MOVED),
        NETNS_GONE("network namespace gone", Finding.Id.NETNS_GONE),
        /** It may be held where nobody can look. */
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

        /** What it is among the findings. Not for ATTACHED, which is none. */
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
     * @param detour of csumbpf_detour, by VNI
     * @param detourOfAny of csumbpf_detour and the rule for any VNI
     * @param totals of the device
     * @param peers senders that the program remembers
     * @param eventsLost events that were not told
     * @param lastDecryptedNanos age of the last packet that IPsec decrypted, nanoseconds, if there was one
     */
    public record Contents(
            RuleSet rules,
            Map<Vni, Counters> counters,
            Optional<Counters> countersOfAny,
            Map<Vni, Counters> detour,
            Optional<Counters> detourOfAny,
            Map<Total, Count> totals,
            Map<PeerKey, Peer> peers,
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
     * @param hook which one
     * @param program what the kernel says of it
     * @param before what runs before it on the device's ingress, and may keep packets from it
     */
    public record Hanging(String hook, ProgramInfo program, List<String> before) {}

    /**
     * Packets come between what the host counts and what the program counts: so that each error in between has its explanation, the
     * earlier of these two is compared with an earlier time, and the later one is what a later time is compared with.
     *
     * @param begun when reading began
     * @param ended when it had ended
     */
    public record HostCounts(NetStatistics begun, NetStatistics ended) {}

    /** Which ways repair covers. */
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
        boolean tc = state == State.ATTACHED && bypasses().isEmpty();
        boolean behind = backstop.map(b -> b.state() == BackstopView.State.ON).orElse(false);
        if (behind) {
            return tc ? Path.BOTH : Path.BACKSTOP;
        }
        return tc ? Path.TC : Path.NONE;
    }

    /** What keeps decrypted packets from tc. */
    private List<Finding> bypasses() {
        return findings.stream().filter(finding -> finding.id().bypassesTc()).toList();
    }

    /** The path in words, with the reason where it is not both. */
    public String pathText() {
        return pathWithoutOthers()
                + (before().isEmpty() ? "" : "; before csumbpf runs " + String.join(" and ", before()));
    }

    private String pathWithoutOthers() {
        if (state == State.ATTACHED && contents.isEmpty()) {
            return "tc; whether the backstop is there cannot be told";
        }
        String why = bypasses().stream().map(Finding::text).collect(Collectors.joining("; "));
        String off = backstop.map(b -> " (" + b.state().label() + ": " + b.text() + ")")
                .orElse("");
        return switch (path()) {
            case BOTH ->
                "tc, and the nftables backstop for what bypasses tc ("
                        + backstop.orElseThrow().text() + ")";
            case BACKSTOP ->
                "the nftables backstop alone (" + backstop.orElseThrow().text() + ")"
                        + (why.isEmpty() ? "" : ": " + why);
            case TC ->
                contents.map(c -> c.rules().needsProof()).orElse(true)
                        ? "tc alone, so fragmented ESP for one is not repaired; backstop" + off
                        : "tc";
            case NONE -> "none" + (off.isEmpty() ? "" : "; backstop" + off);
        };
    }

    public String ifname() {
        return place.ifname();
    }

    /** The interface, with the namespace in front where that is not the caller's own: {@code netns/eth0}. */
    public String label() {
        return place.label();
    }

    /** What runs before the program on the device's ingress. */
    public List<String> before() {
        return hanging.map(Hanging::before).orElse(List.of());
    }

    /** What is amiss, a line each. */
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
        // A key of maps. Those that a record is given by itself are spun when they are first called, for a tenth of
        // what status takes.
        @Override
        public boolean equals(Object other) {
            return other instanceof Port port && port.netns == netns && port.number == number;
        }

        @Override
        public int hashCode() {
            return 31 * Long.hashCode(netns) + number;
        }
    }

    /** Empty where the rules cannot be read. */
    public Optional<Port> port() {
        return contents.map(c -> new Port(place.netns(), c.rules().port()));
    }

    /** What has been counted by now; empty where it cannot be read, or attach has not finished: there is no baseline yet. */
    public Optional<Evidence> evidence() {
        return evidence(host.map(HostCounts::begun));
    }

    /** What had been counted, for what comes later to be compared with. */
    public Optional<Evidence> baseline() {
        return evidence(host.map(HostCounts::ended));
    }

    private Optional<Evidence> evidence(Optional<NetStatistics> counted) {
        return counted.flatMap(statistics -> evidence(record, contents, backstop, statistics));
    }

    /** The same of parts that are read for this alone. */
    static Optional<Evidence> evidence(
            Optional<AttachmentRecord> record,
            Optional<Contents> contents,
            Optional<BackstopView> backstop,
            NetStatistics statistics) {
        return record.filter(AttachmentRecord::finished).isEmpty()
                ? Optional.empty()
                : contents.map(now -> counted(now, backstop, statistics));
    }

    private static Evidence counted(Contents now, Optional<BackstopView> backstop, NetStatistics statistics) {
        Counters tc = now.sum();
        BackstopCounters behind = backstop.map(BackstopView::sum).orElse(BackstopCounters.NONE);
        // Not fragments, which may be of any port, and nothing whose checksum nobody has looked at, as that of
        // plaintext and of VNIs
        // without a rule: they would hide a real loss.
        long left = tc.get(Outcome.BAD).packets()
                + tc.get(Outcome.FAILED).packets()
                + tc.get(Outcome.OVERSIZE).packets()
                + tc.get(Outcome.CORRUPT).packets()
                + behind.get(BackstopCounters.Outcome.UNJUDGED).packets()
                + behind.get(BackstopCounters.Outcome.FAILED).packets();
        Evidence ofHost = OffPath.evidence(statistics, now.rules().port());
        return new Evidence(
                ofHost.checksumErrors(),
                ofHost.reassembled(),
                now.totals().get(Total.ESP).packets(),
                tc.get(Outcome.REPAIRED).packets()
                        + behind.get(BackstopCounters.Outcome.REPAIRED).packets(),
                left);
    }

    /** Senders that the program remembers; none where the maps cannot be read. */
    public Map<PeerKey, Peer> peers() {
        return contents.map(Contents::peers).orElse(Map.of());
    }

    AttachmentView with(Optional<String> offPathNow, List<Finding> findingsNow) {
        return new AttachmentView(place, state, hanging, record, contents, backstop, host, offPathNow, findingsNow);
    }
}
