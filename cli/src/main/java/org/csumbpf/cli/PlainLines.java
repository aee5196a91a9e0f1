// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.cli.Rates.Group;
import org.csumbpf.cli.Rates.Rate;
import org.csumbpf.cli.Rates.Row;
import org.csumbpf.maps.Peer;
import org.csumbpf.text.Unprintable;

/**
 * What stats --watch prints without a terminal. Each line stands alone: time, interface, then name=value. A rate that
 * is not known yet is {@code -}.
 */
final class PlainLines {
    private PlainLines() {}

    /** @param nanos the sample's time, CLOCK_MONOTONIC */
    static List<String> of(Instant time, List<Group> groups, long nanos) {
        String now = time.truncatedTo(ChronoUnit.SECONDS).toString();
        List<String> lines = new ArrayList<>();
        if (groups.isEmpty()) {
            lines.add(now + " nothing is attached");
        }
        for (Group group : groups) {
            WatchSample.Attachment about = group.about();
            String start = now + " " + Unprintable.escape(about.label()).replace(' ', '?');
            lines.add(start + " state=" + about.state().replace(' ', '-') + " repair="
                    + about.verdict().label() + " path=" + about.path());
            group.flows()
                    .forEach(row -> lines.add(start + " vni=" + row.key().vni() + network(about, row.key()) + " path="
                            + row.key().path() + " outcome=" + row.key().outcome() + amounts(row)));
            group.peers().forEach(row -> {
                Peer peer = about.peers().get(row.key());
                lines.add(start + " vni=" + row.key().vni() + " peer="
                        + row.key().source().getHostAddress() + amounts(row) + " bad="
                        + peer.bad() + " bad/s=" + rate(row, Rate::bad) + " spi=" + Report.spi(peer) + " seen="
                        + String.format(Locale.ROOT, "%.1f", Math.max(0, nanos - peer.lastSeenNanos()) / 1e9));
            });
        }
        return lines;
    }

    /** Nothing if it is not known. */
    private static String network(WatchSample.Attachment about, WatchSample.Flow flow) {
        String name = about.network(flow);
        return name.isEmpty() ? "" : " network=" + Unprintable.escape(name).replace(' ', '?');
    }

    private static String amounts(Row<?> row) {
        return " packets=" + row.total().packets() + " bytes=" + row.total().bytes() + " packets/s="
                + rate(row, Rate::packets) + " bytes/s=" + rate(row, Rate::bytes);
    }

    private static String rate(Row<?> row, Function<Rate, Double> part) {
        Optional<Double> value = row.rate().map(part);
        return value.map(v -> String.format(Locale.ROOT, "%.1f", v)).orElse("-");
    }
}
