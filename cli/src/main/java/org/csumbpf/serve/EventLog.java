// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.maps.Event;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Peer;
import org.csumbpf.pin.EventStream;
import org.csumbpf.pin.Selection;

/** Writes the program's events to the log, on a thread of its own. */
final class EventLog implements Runnable {
    /** How long a new attachment may wait until its events are read. The kernel keeps them meanwhile. */
    private static final int FOLLOW_MILLIS = 5000;

    private final Selection only;
    private final Supplier<NetworkNames> networks;
    private final Snapshot.EventCounts counts;
    private final ServeLog log;

    EventLog(Selection only, Supplier<NetworkNames> networks, Snapshot.EventCounts counts, ServeLog log) {
        this.only = only;
        this.networks = networks;
        this.counts = counts;
        this.log = log;
    }

    @Override
    public void run() {
        try (EventStream stream = new EventStream(only, this::write)) {
            while (true) {
                try {
                    stream.poll(FOLLOW_MILLIS);
                    log.resolved("events", "events can be read again");
                } catch (RuntimeException e) {
                    log.once("events", "cannot read events: " + e.getMessage());
                    stream.close(); // the next poll() opens it again
                    TimeUnit.MILLISECONDS.sleep(FOLLOW_MILLIS);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void write(EventStream.Source origin, Event event) {
        counts.count(origin.netns(), origin.ifname(), event);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("event", event.type().label());
        if (!origin.netns().isEmpty()) {
            fields.put("netns", origin.netns());
        }
        fields.put("interface", origin.ifname());
        fields.put("vni", event.peer().vni().value());
        String network = networks.get().of(event.peer().vni().value());
        if (!network.isEmpty()) {
            fields.put("network", network);
        }
        fields.put("peer", event.peer().source().getHostAddress());
        fields.put("destination", event.peer().destination().getHostAddress());
        if (event.spi() != 0) {
            fields.put("spi", String.format(Locale.ROOT, "0x%08x", event.spi()));
        }
        if (event.type() != EventType.PLAINTEXT) {
            fields.put("delta", delta(event.delta()));
        }
        if (event.type() == EventType.MAPPING_CHANGED) {
            fields.put("delta_before", delta(event.deltaBefore()));
        }
        // The event may be old: the kernel keeps it until somebody reads it.
        long ageNanos = MonotonicClock.nanos() - event.timeNanos();
        fields.put("at", Instant.now().minusNanos(ageNanos).toString());
        switch (event.type()) {
            case BAD_CHECKSUM ->
                log.info("first packet of this peer with a wrong checksum: there is a NAT on the path", fields);
            case MAPPING_CHANGED ->
                log.warn(
                        "address translation of this peer changed: a NAT changed, or another host has the address now",
                        fields);
            case PLAINTEXT -> log.warn("plaintext packet with a protected VNI: IPsec did not decrypt it", fields);
        }
    }

    private static String delta(int delta) {
        return switch (delta) {
            case Peer.DELTA_UNKNOWN -> "unknown";
            case Peer.DELTA_NONE -> "none";
            default -> String.format(Locale.ROOT, "0x%04x", delta);
        };
    }
}
