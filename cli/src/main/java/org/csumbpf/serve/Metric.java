// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

/** All metrics. docs/metrics.md lists them for people, and ServeTest compares the two. */
enum Metric {
    ATTACHED(Kind.GAUGE, "csumbpf.attached", null, "1 while the kernel runs the program on the interface."),
    PROGRAM_INFO(Kind.GAUGE, "csumbpf.program.info", null, "The program that the kernel runs, as bpftool shows it."),
    BACKSTOP_ACTIVE(
            Kind.GAUGE,
            "csumbpf.backstop.active",
            null,
            "1 while the nftables rules for packets decrypted after tc are in place."),
    OFF_PATH(
            Kind.GAUGE,
            "csumbpf.off.path",
            null,
            "1: the host drops decrypted packets that neither tc nor the backstop repairs."),
    RULES(Kind.GAUGE, "csumbpf.rules", null, "Rules, including the one for any VNI."),
    PACKETS(Kind.COUNTER, "csumbpf.packets", null, "Packets that a rule matched, by outcome."),
    BYTES(Kind.COUNTER, "csumbpf.bytes", "bytes", "Bytes of the packets that a rule matched."),
    UNMATCHED_PACKETS(Kind.COUNTER, "csumbpf.unmatched.packets", null, "Packets on tc that no rule matched."),
    UNMATCHED_BYTES(Kind.COUNTER, "csumbpf.unmatched.bytes", "bytes", "Bytes of the packets that no rule matched."),
    PEERS(Kind.GAUGE, "csumbpf.peers", null, "Senders that the program remembers."),
    PEER_PACKETS(Kind.COUNTER, "csumbpf.peer.packets", null, "Decrypted packets of a sender."),
    PEER_BYTES(Kind.COUNTER, "csumbpf.peer.bytes", "bytes", "Bytes of the decrypted packets of a sender."),
    PEER_BAD_PACKETS(
            Kind.COUNTER, "csumbpf.peer.bad.packets", null, "Packets of a sender found with a wrong checksum."),
    PEER_LAST_SEEN(Kind.GAUGE, "csumbpf.peer.last.seen.timestamp", "seconds", "Unix time of a sender's last packet."),
    MAP_FILL_RATIO(Kind.GAUGE, "csumbpf.map.fill.ratio", null, "How full a map of the program is, 0 to 1."),
    PROGRAM_RUN(
            Kind.COUNTER,
            "csumbpf.program.run",
            "seconds",
            "Time in the program, while kernel.bpf_stats_enabled is on."),
    PROGRAM_RUNS(
            Kind.COUNTER, "csumbpf.program.runs", null, "Runs of the program, while kernel.bpf_stats_enabled is on."),
    EVENTS(Kind.COUNTER, "csumbpf.events", null, "Events written to the log since serve started."),
    EVENTS_LOST(
            Kind.COUNTER,
            "csumbpf.events.lost",
            null,
            "Events not logged: over the rate limit, or the buffer was full."),
    HOST_UDP_CHECKSUM_ERRORS(
            Kind.COUNTER,
            "csumbpf.host.udp.checksum.errors",
            null,
            "UDP datagrams that the host dropped for a wrong checksum."),
    HOST_REASSEMBLED(
            Kind.COUNTER,
            "csumbpf.host.reassembled.datagrams",
            null,
            "IP datagrams that the host reassembled from fragments."),
    HOST_XFRM_IN_ERRORS(
            Kind.COUNTER, "csumbpf.host.xfrm.in.errors", null, "Packets that IPsec refused, by the kernel's reason."),
    READ_FAILURES(Kind.COUNTER, "csumbpf.read.failures", null, "Scrapes during which something could not be read."),
    BUILD_INFO(Kind.GAUGE, "csumbpf.build.info", null, "Version of csumbpf, and of the Java that it runs on.");

    enum Kind {
        COUNTER,
        GAUGE
    }

    private final Kind kind;
    private final String meter;
    private final String unit;
    private final String help;

    Metric(Kind kind, String meter, String unit, String help) {
        this.kind = kind;
        this.meter = meter;
        this.unit = unit;
        this.help = help;
    }

    Kind kind() {
        return kind;
    }

    /**
     * Micrometer's name. Its Prometheus registry makes Prometheus' name of it: underscores, the unit, {@code _total}.
     */
    String meter() {
        return meter;
    }

    /** The base unit; null if it is in the name or there is none. */
    String unit() {
        return unit;
    }

    String help() {
        return help;
    }
}
