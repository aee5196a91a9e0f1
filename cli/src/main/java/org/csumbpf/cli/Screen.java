// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.cli.Rates.Group;
import org.csumbpf.cli.Rates.Rate;
import org.csumbpf.cli.Rates.Row;
import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.text.Unprintable;

/**
 * Lays out what stats --watch shows, as lines that fit a terminal. If the width is short, columns are dropped. If the
 * height is short, each table gets an equal share, and rows without packets are dropped first.
 *
 * @param width of the terminal, characters
 * @param height of the terminal, lines
 * @param peers whether peers are shown
 * @param sparkline the bars that the terminal can show
 */
record Screen(int width, int height, boolean peers, Sparkline sparkline) {
    private static final int GAP = 2;
    private static final int SPARKLINE_WISHED = 8;
    private static final String INDENT = "  ";

    /** What a line is. */
    enum Kind {
        TITLE,
        STATE,
        COLUMNS,
        ROW
    }

    /** @param meaning of its colour, if there are colours */
    record Line(String text, Kind kind, Meaning meaning) {}

    /** A column. The one with the highest {@code drop} is dropped first; those with 0 stay. */
    private record Column<K>(String title, int width, boolean right, int drop, Function<Row<K>, String> text) {
        /** A copy that has room for its widest text. */
        Column<K> fitting(List<Row<K>> rows) {
            int widest = rows.stream()
                    .mapToInt(row -> text.apply(row).length())
                    .max()
                    .orElse(0);
            return new Column<>(title, Math.max(width, widest), right, drop, text);
        }

        String pad(String cell) {
            String blanks = " ".repeat(Math.max(0, width - cell.length()));
            return right ? blanks + cell : cell + blanks;
        }
    }

    private record Table<K>(List<Row<K>> rows, List<Column<K>> columns, Function<K, Meaning> meaning) {}

    private static final Column<Flow> VNI =
            new Column<>("VNI", 8, false, 0, row -> row.key().vni());
    private static final List<Column<Flow>> FLOWS = List.of(
            new Column<>("PATH", 8, false, 0, row -> row.key().path()),
            new Column<>("OUTCOME", 9, false, 0, row -> row.key().outcome()),
            new Column<>(
                    "PACKETS", 10, true, 2, row -> Long.toString(row.total().packets())),
            new Column<>("PKT/S", 7, true, 0, row -> brief(row, Rate::packets)),
            new Column<>("BYTE/S", 7, true, 1, row -> brief(row, Rate::bytes)));

    /**
     * Lays out one sample.
     *
     * @param title the first line
     * @param note what could not be read; empty: all was read
     * @param nanos the sample's time, CLOCK_MONOTONIC
     */
    List<Line> lay(String title, Optional<String> note, List<Group> groups, long nanos) {
        List<Line> lines = new ArrayList<>();
        add(lines, title, Kind.TITLE, Meaning.UNTOUCHED);
        note.ifPresent(text -> add(lines, text, Kind.STATE, Meaning.IN_DOUBT));
        if (groups.isEmpty() && note.isEmpty()) {
            add(lines, "nothing is attached");
        }
        List<Integer> wishes = new ArrayList<>();
        for (Group group : groups) {
            wishes.add(group.flows().size());
            if (peers) {
                wishes.add(group.peers().size());
            }
        }
        int others = lines.size() + groups.size() + wishes.size();
        List<Integer> shares = shares(wishes, height - others);
        int table = 0;
        for (Group group : groups) {
            WatchSample.Attachment about = group.about();
            add(
                    lines,
                    about.label() + ": " + about.state() + ", "
                            + about.verdict().label() + ", path " + about.path(),
                    Kind.STATE,
                    Meaning.of(about.verdict()));
            table(lines, new Table<>(group.flows(), flowColumns(about), Meaning::of), shares.get(table++));
            if (peers) {
                table(
                        lines,
                        new Table<>(byRate(group.peers()), peerColumns(about, nanos), peer -> Meaning.UNTOUCHED),
                        shares.get(table++));
            }
        }
        if (lines.size() > height) {
            int left = Math.max(0, height - 1);
            int cut = lines.size() - left;
            lines.subList(left, lines.size()).clear();
            add(lines, "... " + cut + " more lines");
        }
        return lines;
    }

    private static List<Column<Flow>> flowColumns(WatchSample.Attachment about) {
        List<Column<Flow>> columns = new ArrayList<>(List.of(VNI));
        if (about.flows().keySet().stream()
                .anyMatch(flow -> !about.network(flow).isEmpty())) {
            columns.add(new Column<>("NETWORK", 7, false, 3, row -> Unprintable.escape(about.network(row.key()))));
        }
        columns.addAll(FLOWS);
        return columns;
    }

    private static List<Column<PeerKey>> peerColumns(WatchSample.Attachment about, long nanos) {
        return List.of(
                new Column<>("PEER", 15, false, 0, row -> row.key().source().getHostAddress()),
                new Column<>("VNI", 8, false, 2, row -> row.key().vni().toString()),
                new Column<>("PKT/S", 7, true, 0, row -> brief(row, Rate::packets)),
                new Column<>("BYTE/S", 7, true, 1, row -> brief(row, Rate::bytes)),
                new Column<>("BAD/S", 7, true, 3, row -> brief(row, Rate::bad)),
                new Column<>(
                        "SPI", 10, false, 5, row -> Report.spi(about.peers().get(row.key()))),
                new Column<>(
                        "SEEN",
                        7,
                        true,
                        4,
                        row -> Amount.age(nanos - about.peers().get(row.key()).lastSeenNanos())));
    }

    /** The busiest first. */
    private static List<Row<PeerKey>> byRate(List<Row<PeerKey>> rows) {
        return rows.stream()
                .sorted(Comparator.comparingDouble((Row<PeerKey> row) ->
                                -row.rate().map(Rate::packets).orElse(0.0))
                        .thenComparingLong(row -> -row.total().packets())
                        .thenComparing(row -> row.key().vni())
                        .thenComparing(row -> row.key().source().getHostAddress()))
                .toList();
    }

    private <K> void table(List<Line> lines, Table<K> table, int share) {
        List<Row<K>> rows = table.rows();
        if (share == 0 && !rows.isEmpty()) {
            add(lines, INDENT + "... " + rows.size() + " more");
            return;
        }
        int cut = 0;
        if (rows.size() > share) {
            int shown = share - 1;
            cut = rows.size() - shown;
            rows = rows.stream()
                    .sorted(Comparator.comparing(row -> row.history().idle()))
                    .limit(shown)
                    .toList();
        }
        List<Column<K>> columns = new ArrayList<>();
        for (Column<K> column : table.columns()) {
            columns.add(column.fitting(rows));
        }
        while (used(columns) + GAP + SPARKLINE_WISHED > width && droppable(columns)) {
            columns.remove(
                    columns.stream().max(Comparator.comparingInt(Column::drop)).orElseThrow());
        }
        int bars = Math.max(0, width - used(columns) - GAP);
        add(lines, INDENT + cells(columns, Column::title), Kind.COLUMNS, Meaning.UNTOUCHED);
        for (Row<K> row : rows) {
            String cells = cells(columns, column -> column.text().apply(row));
            Meaning meaning = table.meaning().apply(row.key());
            String sign = meaning.sign() + INDENT.substring(1);
            add(lines, sign + cells + " ".repeat(GAP) + sparkline.draw(row.history(), bars), Kind.ROW, meaning);
        }
        if (cut > 0) {
            add(lines, INDENT + "... " + cut + " more");
        }
    }

    private static <K> int used(List<Column<K>> columns) {
        return INDENT.length() + columns.stream().mapToInt(c -> c.width() + GAP).sum() - GAP;
    }

    private static <K> boolean droppable(List<Column<K>> columns) {
        return columns.stream().anyMatch(column -> column.drop() > 0);
    }

    private static <K> String cells(List<Column<K>> columns, Function<Column<K>, String> text) {
        StringBuilder line = new StringBuilder();
        String gap = "";
        for (Column<K> column : columns) {
            line.append(gap).append(column.pad(text.apply(column)));
            gap = " ".repeat(GAP);
        }
        return line.toString();
    }

    /** Hands out lines one by one to all tables that still need one. */
    private static List<Integer> shares(List<Integer> wishes, int lines) {
        int[] shares = new int[wishes.size()];
        int left = lines;
        boolean more = true;
        while (left > 0 && more) {
            more = false;
            for (int i = 0; i < shares.length && left > 0; i++) {
                if (shares[i] < wishes.get(i)) {
                    shares[i]++;
                    left--;
                    more = true;
                }
            }
        }
        List<Integer> list = new ArrayList<>();
        for (int share : shares) {
            list.add(share);
        }
        return list;
    }

    private static String brief(Row<?> row, Function<Rate, Double> part) {
        return row.rate().map(part).map(Amount::brief).orElse("-");
    }

    private void add(List<Line> lines, String text) {
        add(lines, text, Kind.ROW, Meaning.UNTOUCHED);
    }

    /** Adds a line, escaped: names of devices and namespaces may contain what would steer the terminal. */
    private void add(List<Line> lines, String text, Kind kind, Meaning meaning) {
        String harmless = Unprintable.escape(text);
        lines.add(new Line(harmless.substring(0, Math.min(width, harmless.length())), kind, meaning));
    }
}
