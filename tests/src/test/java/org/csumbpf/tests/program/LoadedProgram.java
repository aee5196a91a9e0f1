// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TestContext;
import org.csumbpf.loader.TestRun;
import org.csumbpf.maps.BpfMap;
import org.csumbpf.maps.Codecs;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Event;
import org.csumbpf.maps.EventReader;
import org.csumbpf.maps.EventType;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;

/** The program loaded but attached to nothing. Packets come by BPF_PROG_TEST_RUN. */
final class LoadedProgram implements AutoCloseable {
    private final CsumbpfObject object;
    private final CsumbpfMaps maps;
    private final BpfProgram program;
    private final BpfMap<PeerKey, Peer> peers;
    private final List<Event> events = new ArrayList<>();
    private final EventReader reader;

    LoadedProgram() {
        this(CsumbpfObject.open(), object -> {});
    }

    /** Another build of the program, with the same maps. */
    LoadedProgram(byte[] elf) {
        this(CsumbpfObject.open(elf), object -> {});
    }

    /** @param eventsBytes size of the ring buffer: a power of two, and a multiple of the page size */
    LoadedProgram(int eventsBytes) {
        this(CsumbpfObject.open(), object -> object.raw().setMaxEntries(CsumbpfMaps.EVENTS, eventsBytes));
    }

    private LoadedProgram(CsumbpfObject object, Consumer<CsumbpfObject> prepare) {
        this.object = object;
        prepare.accept(object);
        maps = object.load();
        program = object.program();
        peers = BpfMap.shared(object.raw().map("peers"), Codecs.PEER_KEY, Codecs.PEER);
        reader = new EventReader(Map.of(object.raw().map(CsumbpfMaps.EVENTS), events::add));
    }

    void rules(Rules rules) {
        for (Vni vni : maps.rules().keySet()) {
            maps.removeRule(vni);
        }
        maps.config(new Config(rules.port(), false, Optional.empty())); // clears the counters of the rule for any VNI
        maps.config(new Config(rules.port(), true, rules.any()));
        rules.byVni().forEach(maps::putRule);
    }

    CsumbpfMaps maps() {
        return maps;
    }

    TestRun run(byte[] frame, int gsoSize) {
        return program.testRun(frame, new TestContext(gsoSize, gsoSize == 0 ? 0 : 2), 1);
    }

    /**
     * Returns nanoseconds per run, the mean of {@code repeat}. Later runs get the packet as the first one leaves it.
     */
    int measure(byte[] frame, int repeat) {
        return program.testRun(frame, TestContext.PLAIN, repeat).durationNanos();
    }

    /** All counters that are not zero, as "vni outcome" or the total's label. */
    Map<String, Count> counts() {
        Map<String, Count> counts = new HashMap<>();
        maps.counters().forEach((vni, counters) -> add(counts, vni.toString(), counters));
        maps.countersOfAny().ifPresent(counters -> add(counts, "any", counters));
        maps.totals().forEach((total, count) -> {
            if (count.packets() != 0) {
                counts.put(total.label(), count);
            }
        });
        return counts;
    }

    private static void add(Map<String, Count> counts, String vni, Counters counters) {
        counters.byOutcome().forEach((outcome, count) -> {
            if (count.packets() != 0) {
                counts.put(vni + " " + outcome.label(), count);
            }
        });
    }

    Map<PeerKey, Peer> peers() {
        return peers.entries();
    }

    /** The events since the last call. */
    List<Event> events() {
        reader.poll(0);
        List<Event> read = List.copyOf(events);
        events.clear();
        return read;
    }

    Map<EventType, Long> eventsLost() {
        return maps.eventsLost();
    }

    void forgetPeers() {
        peers.entries().keySet().forEach(peers::remove);
    }

    @Override
    public void close() {
        reader.close();
        peers.close();
        program.close();
        maps.close();
        object.close();
    }
}
