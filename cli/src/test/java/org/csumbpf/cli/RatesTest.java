// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.cli.Rates.Rate;
import org.csumbpf.cli.Rates.Tally;
import org.csumbpf.cli.WatchSample.Flow;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Turns counts into rates, and rates into a line of bars. */
class RatesTest {
    private static final Flow REPAIRED = new Flow("4109", "tc", "repaired");
    private static final Flow BAD = new Flow("4109", "tc", "bad");

    private final Rates rates = new Rates();

    @ParameterizedTest
    @CsvSource({
        // packets, bytes and bad: before, now, and per second over 2 seconds
        "0, 0, 0,       10, 1000, 4,  5, 500, 2",
        "10, 1000, 4,   10, 1000, 4,  0, 0, 0",
        "10, 1000, 0,   11, 1100, 0,  0.5, 50, 0",
        // The counter was reset: all of it is new.
        "1000, 9000, 0, 10, 1000, 4,  5, 500, 2",
        "10, 9000, 0,   10, 1000, 4,  5, 500, 2",
        "10, 1000, 5,   10, 1000, 4,  5, 500, 2",
    })
    void between(
            long packets,
            long bytes,
            long bad,
            long packetsNow,
            long bytesNow,
            long badNow,
            double packetRate,
            double byteRate,
            double badRate) {
        assertThat(Rates.between(new Tally(packets, bytes, bad), new Tally(packetsNow, bytesNow, badNow), 2))
                .isEqualTo(new Rate(packetRate, byteRate, badRate));
    }

    @Test
    void theFirstSampleHasNoRate() {
        assertThat(next(0, Map.of(REPAIRED, new Count(7, 700)))).isEmpty();
        assertThat(next(4, Map.of(REPAIRED, new Count(15, 900)))).contains(new Rate(2, 50, 0));
    }

    @Test
    void whatAppearsInAKnownAttachmentBeganAtZero() {
        next(0, Map.of(REPAIRED, new Count(0, 0)));
        List<Rates.Group> groups = rates.next(ScreenTest.sample(2, Map.of(BAD, new Count(6, 60)), Map.of()), 10);
        assertThat(groups.get(0).flows().get(0).rate()).contains(new Rate(3, 30, 0));
    }

    @Test
    void anAttachmentThatCameBackHasNoRateAtFirst() {
        next(0, Map.of(REPAIRED, new Count(5, 50)));
        next(1, Map.of(REPAIRED, new Count(6, 60)));
        assertThat(rates.next(new WatchSample(2_000_000_000L, List.of()), 10)).isEmpty();
        List<Rates.Group> back = rates.next(ScreenTest.sample(3, Map.of(REPAIRED, new Count(900, 9000)), Map.of()), 10);
        assertThat(back.get(0).flows().get(0).rate()).isEmpty();
        assertThat(back.get(0).flows().get(0).history().size()).isZero();
    }

    @Test
    void peersHaveRatesOfTheirOwn() {
        PeerKey key = ScreenTest.peer(4109, 1);
        rates.next(
                ScreenTest.sample(0, Map.of(), Map.of(key, new Peer(10, 1000, 1, 0, 0, 0, Peer.DELTA_UNKNOWN, false))),
                10);
        List<Rates.Group> groups = rates.next(
                ScreenTest.sample(2, Map.of(), Map.of(key, new Peer(14, 1400, 3, 0, 0, 0, Peer.DELTA_UNKNOWN, false))),
                10);
        assertThat(groups.get(0).peers().get(0).rate()).contains(new Rate(2, 200, 1));
    }

    @Test
    void historyIsBounded() {
        History history = new History();
        for (int i = 0; i < 1000; i++) {
            history.add(i, 100);
            assertThat(history.size()).isEqualTo(Math.min(i + 1, 100));
        }
        assertThat(history.last(3)).containsExactly(997, 998, 999);
        assertThat(history.last(500)).hasSize(100).startsWith(900);
        history.add(1000, 3);
        assertThat(history.last(10)).containsExactly(998, 999, 1000);
    }

    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "1 2 3 4 5 6 7,7,▂▃▄▅▆▇█",
                "0 0 0,3,▁▁▁",
                // A small value is not drawn as 0.
                "0 1 100000,3,▁▂█",
                // Scaled to the values that are drawn.
                "1000 1 2,2,▅█",
                "5,4,   █",
                "5,0,''",
            })
    void sparkline(String values, int width, String expected) {
        History history = new History();
        for (String value : values.split(" ")) {
            history.add(Double.parseDouble(value), 100);
        }
        assertThat(Sparkline.BLOCKS.draw(history, width)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "0.01, <0.1",
        "0.3, 0.3",
        "9.96, 10",
        "999.4, 999",
        "999.6, 1.00k",
        "4712, 4.71k",
        "99960, 100k",
        "999600, 1.00M",
        "12.34e9, 12.3G",
        "5e18, 5000P",
    })
    void amounts(double value, String expected) {
        assertThat(Amount.brief(value)).isEqualTo(expected);
    }

    @Test
    void plainLines() {
        PeerKey key = ScreenTest.peer(4109, 1);
        rates.next(
                ScreenTest.sample(
                        10,
                        Map.of(REPAIRED, new Count(1, 100)),
                        Map.of(key, new Peer(1, 100, 0, 0, 0, 0, Peer.DELTA_UNKNOWN, false))),
                1);
        WatchSample sample = ScreenTest.sample(
                12,
                Map.of(REPAIRED, new Count(4, 400)),
                Map.of(key, new Peer(4, 400, 1, 11_500_000_000L, 0, 0xabc, Peer.DELTA_UNKNOWN, false)));
        assertThat(PlainLines.of(Instant.ofEpochSecond(0, 999), rates.next(sample, 1), sample.nanos()))
                .containsExactly(
                        "1970-01-01T00:00:00Z eth0 state=attached repair=repairing path=tc",
                        "1970-01-01T00:00:00Z eth0 vni=4109 path=tc outcome=repaired packets=4 bytes=400 packets/s=1.5"
                                + " bytes/s=150.0",
                        "1970-01-01T00:00:00Z eth0 vni=4109 peer=192.0.2.1 packets=4 bytes=400 packets/s=1.5"
                                + " bytes/s=150.0 bad=1 bad/s=0.5 spi=0x00000abc seen=0.5");
        assertThat(PlainLines.of(Instant.EPOCH, List.of(), 0))
                .containsExactly("1970-01-01T00:00:00Z nothing is attached");
    }

    private Optional<Rate> next(long seconds, Map<Flow, Count> flows) {
        return rates.next(ScreenTest.sample(seconds, flows, Map.of()), 10)
                .get(0)
                .flows()
                .get(0)
                .rate();
    }
}
