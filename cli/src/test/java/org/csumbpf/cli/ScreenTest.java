// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.csumbpf.backstop.BackstopCounters;
import org.csumbpf.backstop.BackstopOutcome;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.Location;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Verdict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The table of stats --watch, without a terminal. */
class ScreenTest {
    static WatchSample sample(long seconds, Map<Flow, Count> flows, Map<PeerKey, Peer> peers) {
        return new WatchSample(seconds * 1_000_000_000, List.of(attachment("eth0", 2, flows, peers)));
    }

    static PeerKey peer(int vni, int number) {
        try {
            return new PeerKey(
                    new Vni(vni),
                    InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, (byte) number}),
                    InetAddress.getByAddress(new byte[] {(byte) 198, 51, 100, 1}));
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    private static WatchSample.Attachment attachment(
            String label, int ifindex, Map<Flow, Count> flows, Map<PeerKey, Peer> peers) {
        return attachment(label, ifindex, flows, peers, NetworkNames.NONE);
    }

    private static WatchSample.Attachment attachment(
            String label, int ifindex, Map<Flow, Count> flows, Map<PeerKey, Peer> peers, NetworkNames networks) {
        return new WatchSample.Attachment(
                new WatchSample.Id(1, ifindex),
                label,
                "attached",
                Verdict.Kind.REPAIRING,
                "tc",
                true,
                flows,
                peers,
                networks);
    }

    private static Map<Flow, Count> vnis(int number, long packets) {
        Map<Flow, Count> flows = new LinkedHashMap<>();
        for (int vni = 1; vni <= number; vni++) {
            // Only the upper half gets packets.
            long count = 2 * vni > number ? packets : 0;
            flows.put(new Flow(Integer.toString(vni), "tc", "repaired"), new Count(count, 100 * count));
        }
        return flows;
    }

    /** Lays out two samples, 2 seconds apart. */
    private static List<String> lay(int width, int height, WatchSample before, WatchSample now) {
        Rates rates = new Rates();
        rates.next(before, width);
        List<Rates.Group> groups = rates.next(now, width);
        boolean peers = groups.stream().anyMatch(group -> !group.peers().isEmpty());
        return texts(
                new Screen(width, height, peers, Sparkline.BLOCKS).lay("title", Optional.empty(), groups, now.nanos()));
    }

    private static List<String> texts(List<Screen.Line> lines) {
        return lines.stream().map(line -> line.text().stripTrailing()).toList();
    }

    @Test
    void wide() {
        Map<Flow, Count> before = new LinkedHashMap<>();
        before.put(new Flow("any", "tc", "repaired"), new Count(0, 0));
        before.put(new Flow("4109", "backstop", "repaired"), new Count(10, 1000));
        Map<Flow, Count> now = new LinkedHashMap<>(before);
        now.put(new Flow("4109", "backstop", "repaired"), new Count(34, 13000));
        Peer peer = new Peer(10, 1000, 0, 0, 0, 0, Peer.DELTA_UNKNOWN, false);
        Peer later = new Peer(12, 1300, 1, 1_700_000_000, 0, 0x1001, Peer.DELTA_UNKNOWN, false);
        assertThat(lay(
                        100,
                        20,
                        sample(0, before, Map.of(peer(4109, 1), peer)),
                        sample(2, now, Map.of(peer(4109, 1), later))))
                .containsExactly(
                        "title",
                        "eth0: attached, repairing, path tc",
                        "  VNI       PATH      OUTCOME       PACKETS    PKT/S   BYTE/S",
                        "  any       tc        repaired            0        0        0"
                                + "                                      ▁",
                        "  4109      backstop  repaired           34       12    6.00k"
                                + "                                      █",
                        "  PEER             VNI         PKT/S   BYTE/S    BAD/S  SPI            SEEN",
                        "  192.0.2.1        4109          1.0      150      0.5  0x00001001    0.3 s"
                                + "                        █");
    }

    /** The names of Docker's networks are anybody's, and the column is the first to go. */
    @Test
    void networks() {
        Map<Flow, Count> flows = new LinkedHashMap<>();
        flows.put(new Flow("any", "tc", "repaired"), new Count(0, 0));
        flows.put(new Flow("4109", "tc", "repaired"), new Count(1, 100));
        NetworkNames names = new NetworkNames(Map.of(4109, "shop\u001b[2J"));
        WatchSample sample = new WatchSample(0, List.of(attachment("eth0", 2, flows, Map.of(), names)));
        assertThat(lay(100, 20, sample, sample))
                .contains("  VNI       NETWORK      PATH      OUTCOME       PACKETS    PKT/S   BYTE/S")
                .anyMatch(line -> line.startsWith("  4109      shop\\x1b[2J  tc        repaired            1"));
        assertThat(lay(60, 20, sample, sample)).noneMatch(line -> line.contains("NETWORK"));
        assertThat(PlainLines.of(Instant.EPOCH, new Rates().next(sample, 1), 0))
                .anyMatch(line -> line.startsWith("1970-01-01T00:00:00Z eth0 vni=4109 network=shop\\x1b[2J path=tc "))
                .anyMatch(line -> line.startsWith("1970-01-01T00:00:00Z eth0 vni=any path=tc "));
    }

    @Test
    void narrow() {
        assertThat(lay(45, 20, sample(0, vnis(1, 0), Map.of()), sample(2, vnis(1, 6), Map.of())))
                .containsExactly(
                        "title",
                        "eth0: attached, repairing, path tc",
                        "  VNI       PATH      OUTCOME      PKT/S",
                        "  1         tc        repaired       3.0    █");
    }

    /** Who repaired, and whether packets are lost, is said without colour, on a narrow terminal too. */
    @ParameterizedTest
    @ValueSource(ints = {45, 100})
    void noMeaningIsInColourAlone(int width) {
        Map<Flow, Count> flows = new LinkedHashMap<>();
        flows.put(new Flow("7", "tc", "repaired"), new Count(1, 100));
        flows.put(new Flow("7", "backstop", "repaired"), new Count(1, 100));
        flows.put(new Flow("7", "tc", "good"), new Count(1, 100));
        flows.put(new Flow("7", "tc", "bad"), new Count(1, 100));
        flows.put(new Flow("7", "tc", "plaintext"), new Count(1, 100));
        Rates rates = new Rates();
        WatchSample sample = sample(0, flows, Map.of());
        List<Screen.Line> lines = new Screen(width, 20, false, Sparkline.BLOCKS)
                .lay("title", Optional.of("not read"), rates.next(sample, width), 0);
        assertThat(lines)
                .extracting(Screen.Line::meaning)
                .containsExactly(
                        Meaning.UNTOUCHED,
                        Meaning.IN_DOUBT,
                        Meaning.REPAIRED_BY_TC,
                        Meaning.UNTOUCHED,
                        Meaning.REPAIRED_BY_TC,
                        Meaning.REPAIRED_BY_THE_BACKSTOP,
                        Meaning.UNTOUCHED,
                        Meaning.LOST,
                        Meaning.IN_DOUBT);
        assertThat(texts(lines).subList(4, 9))
                .extracting(line -> String.join(" ", line.substring(0, 31).split(" +")))
                .containsExactly(
                        " 7 tc repaired", " 7 backstop repaired", " 7 tc good", "! 7 tc bad", "? 7 tc plaintext");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 10, 28, 40, 60, 80, 300})
    void fitsAnyWidthAndHeight(int size) {
        Map<PeerKey, Peer> peers = new LinkedHashMap<>();
        for (int i = 1; i < 100; i++) {
            peers.put(peer(i, i), new Peer(i, i, i, 0, 0, 0, Peer.DELTA_UNKNOWN, false));
        }
        WatchSample sample = new WatchSample(
                0, List.of(attachment("eth0", 2, vnis(50, 1), peers), attachment("eth1", 3, vnis(2, 1), Map.of())));
        for (int other : new int[] {1, 3, 24, 100}) {
            List<String> lines = lay(size, other, sample, new WatchSample(1_000_000_000, sample.attachments()));
            assertThat(lines.size()).isLessThanOrEqualTo(other);
            assertThat(lines).allMatch(line -> line.length() <= size);
            lines = lay(other, size, sample, new WatchSample(1_000_000_000, sample.attachments()));
            assertThat(lines.size()).isLessThanOrEqualTo(size);
            assertThat(lines).allMatch(line -> line.length() <= other);
        }
    }

    @Test
    void withTooFewLinesTheBusyRowsStay() {
        List<String> lines = lay(80, 8, sample(0, vnis(8, 0), Map.of()), sample(2, vnis(8, 4), Map.of()));
        assertThat(lines).hasSize(8);
        assertThat(lines.subList(3, 7))
                .extracting(line -> line.strip().split(" ")[0])
                .containsExactly("5", "6", "7", "8");
        assertThat(lines.get(7)).isEqualTo("  ... 4 more");
    }

    @Test
    void tablesShareTheLines() {
        Map<PeerKey, Peer> peers = new LinkedHashMap<>();
        Map<PeerKey, Peer> later = new LinkedHashMap<>();
        for (int i = 1; i <= 50; i++) {
            peers.put(peer(7, i), new Peer(0, 0, 0, 0, 0, 0, Peer.DELTA_UNKNOWN, false));
            later.put(peer(7, i), new Peer(i, 100, 0, 0, 0, 0, Peer.DELTA_UNKNOWN, false));
        }
        List<String> lines = lay(80, 14, sample(0, vnis(50, 0), peers), sample(2, vnis(50, 1), later));
        // The title, the interface and two headings leave 10 lines, 5 for each table.
        assertThat(lines).hasSize(14);
        assertThat(lines.get(7)).isEqualTo("  ... 46 more");
        assertThat(lines.subList(9, 13))
                .extracting(line -> line.strip().split(" ")[0])
                .containsExactly("192.0.2.50", "192.0.2.49", "192.0.2.48", "192.0.2.47");
        assertThat(lines.get(13)).isEqualTo("  ... 46 more");
    }

    @Test
    void aTableWithoutALineOfItsOwnIsCounted() {
        Map<PeerKey, Peer> peers = Map.of(peer(1, 1), new Peer(1, 1, 0, 0, 0, 0, Peer.DELTA_UNKNOWN, false));
        List<String> lines = lay(80, 5, sample(0, vnis(1, 0), peers), sample(2, vnis(1, 1), peers));
        assertThat(lines).hasSize(5);
        assertThat(lines.get(3)).startsWith("  1         tc ");
        assertThat(lines.get(4)).isEqualTo("  ... 1 more");
    }

    @Test
    void namesDoNotSteerTheTerminal() {
        WatchSample sample = new WatchSample(0, List.of(attachment("e\u001b[2J", 2, vnis(1, 0), Map.of())));
        assertThat(lay(80, 20, sample, new WatchSample(1_000_000_000, sample.attachments())))
                .contains("e\\x1b[2J: attached, repairing, path tc");
    }

    @Test
    void nothingAttached() {
        Screen screen = new Screen(80, 24, false, Sparkline.ASCII);
        assertThat(texts(screen.lay("title", Optional.empty(), List.of(), 0)))
                .containsExactly("title", "nothing is attached");
        assertThat(texts(screen.lay("title", Optional.of("no network namespace x"), List.of(), 0)))
                .containsExactly("title", "no network namespace x");
    }

    @Test
    void rowsAreWhatWasEverCountedAndRepaired() {
        Map<Vni, Counters> counters = new TreeMap<>();
        counters.put(new Vni(7), new Counters(Map.of(Outcome.GOOD, new Count(1, 10))));
        counters.put(new Vni(5), Counters.NONE);
        Map<Vni, BackstopCounters> afterTc =
                Map.of(new Vni(5), new BackstopCounters(Map.of(BackstopOutcome.UNJUDGED, new Count(2, 20))));
        WatchSample.Attachment attachment = WatchSample.attachment(view(counters, afterTc, new Count(3, 30)), Map.of());
        assertThat(List.copyOf(attachment.flows().entrySet()))
                .containsExactly(
                        Map.entry(new Flow("any", "tc", "repaired"), new Count(0, 0)),
                        Map.entry(new Flow("5", "tc", "repaired"), new Count(0, 0)),
                        Map.entry(new Flow("5", "backstop", "unjudged"), new Count(2, 20)),
                        Map.entry(new Flow("7", "tc", "repaired"), new Count(0, 0)),
                        Map.entry(new Flow("7", "tc", "good"), new Count(1, 10)),
                        Map.entry(new Flow("-", "tc", "esp"), new Count(3, 30)));
        assertThat(attachment.path()).isEqualTo("tc+backstop");
        assertThat(attachment.verdict()).isEqualTo(Verdict.Kind.HEALTHY);
    }

    @Test
    void ofManyRulesTheSilentOnesAreNoRows() {
        Map<Vni, Counters> counters = new TreeMap<>();
        for (int vni = 0; vni <= WatchSample.FEW_RULES; vni++) {
            counters.put(new Vni(vni), vni == 3 ? new Counters(Map.of(Outcome.GOOD, new Count(1, 10))) : Counters.NONE);
        }
        WatchSample.Attachment attachment = WatchSample.attachment(view(counters, Map.of(), Count.NONE), Map.of());
        assertThat(attachment.flows().keySet())
                .containsExactly(new Flow("any", "tc", "repaired"), new Flow("3", "tc", "good"));
    }

    private static AttachmentView view(Map<Vni, Counters> counters, Map<Vni, BackstopCounters> afterTc, Count esp) {
        AttachmentView.Contents contents = new AttachmentView.Contents(
                new RuleSet(4789, false, Optional.empty(), Map.of()),
                counters,
                Optional.of(Counters.NONE),
                Map.of(),
                Optional.empty(),
                Map.of(Total.ESP, esp, Total.NO_RULE, Count.NONE, Total.MALFORMED, Count.NONE),
                PeerTable.NONE,
                Senders.NONE,
                Map.of(),
                OptionalLong.empty());
        return new AttachmentView(
                new Location(1, Optional.empty(), 2, "eth0"),
                AttachmentView.State.ATTACHED,
                Optional.empty(),
                Optional.empty(),
                Optional.of(contents),
                Optional.of(
                        new BackstopView(Backstop.AUTO, BackstopView.State.ON, "IPv4", afterTc, BackstopCounters.NONE)),
                Optional.empty(),
                Optional.empty(),
                List.of());
    }
}
