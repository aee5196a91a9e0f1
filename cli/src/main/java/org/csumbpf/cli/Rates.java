// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;

/** Turns growing counts into rates, and remembers the rates of each row as long as it exists. */
final class Rates {
    /** What was counted so far. */
    record Tally(long packets, long bytes, long bad) {
        static final Tally NONE = new Tally(0, 0, 0);

        static Tally of(Count count) {
            return new Tally(count.packets(), count.bytes(), 0);
        }

        static Tally of(Peer peer) {
            return new Tally(peer.packets(), peer.bytes(), peer.bad());
        }
    }

    /** Per second. */
    record Rate(double packets, double bytes, double bad) {}

    /**
     * One row of the table.
     *
     * @param total what was counted so far
     * @param rate since the previous sample; empty: there was none
     * @param history packets per second, of the last samples
     */
    record Row<K>(K key, Tally total, Optional<Rate> rate, History history) {}

    /** One attachment with its rows, in the sample's order. */
    record Group(WatchSample.Attachment about, List<Row<Flow>> flows, List<Row<PeerKey>> peers) {}

    private record Known(Map<Flow, Count> flows, Map<PeerKey, Peer> peers) {}

    private record RowId(WatchSample.Id attachment, Object key) {}

    private long nanos;
    private Map<WatchSample.Id, Known> before = Map.of();
    private Map<RowId, History> histories = Map.of();

    /**
     * Computes the rates since the previous sample.
     *
     * @param capacity how many values of a row are remembered
     */
    List<Group> next(WatchSample sample, int capacity) {
        double seconds = (sample.nanos() - nanos) / 1e9;
        Map<WatchSample.Id, Known> now = new HashMap<>();
        Map<RowId, History> kept = new HashMap<>();
        List<Group> groups = new ArrayList<>();
        for (WatchSample.Attachment attachment : sample.attachments()) {
            Optional<Known> known = Optional.ofNullable(before.get(attachment.id()));
            groups.add(new Group(
                    attachment,
                    rows(
                            attachment.id(),
                            attachment.flows(),
                            known.map(Known::flows),
                            Tally::of,
                            seconds,
                            capacity,
                            kept),
                    rows(
                            attachment.id(),
                            attachment.peers(),
                            known.map(Known::peers),
                            Tally::of,
                            seconds,
                            capacity,
                            kept)));
            if (attachment.readable()) {
                now.put(attachment.id(), new Known(attachment.flows(), attachment.peers()));
            }
        }
        nanos = sample.nanos();
        before = now;
        histories = kept;
        return groups;
    }

    private <K, V> List<Row<K>> rows(
            WatchSample.Id attachment,
            Map<K, V> counts,
            Optional<Map<K, V>> before,
            Function<V, Tally> tally,
            double seconds,
            int capacity,
            Map<RowId, History> kept) {
        List<Row<K>> rows = new ArrayList<>();
        counts.forEach((key, value) -> {
            RowId id = new RowId(attachment, key);
            History history = histories.getOrDefault(id, new History());
            Tally total = tally.apply(value);
            // A count that is new in an attachment seen before has grown from 0.
            Optional<Rate> rate = before.map(map -> map.get(key))
                    .map(tally)
                    .or(() -> before.map(known -> Tally.NONE))
                    .map(old -> between(old, total, seconds));
            rate.ifPresent(r -> history.add(r.packets(), capacity));
            kept.put(id, history);
            rows.add(new Row<>(key, total, rate, history));
        });
        return rows;
    }

    /** A count that went backwards was reset, and has grown from 0. */
    static Rate between(Tally before, Tally now, double seconds) {
        boolean anew = now.packets < before.packets || now.bytes < before.bytes || now.bad < before.bad;
        Tally from = anew ? Tally.NONE : before;
        return new Rate(
                (now.packets - from.packets) / seconds,
                (now.bytes - from.bytes) / seconds,
                (now.bad - from.bad) / seconds);
    }
}
