// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
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
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;

/** The program in the kernel, attached to nothing: packets come by BPF_PROG_TEST_RUN. */
final class LoadedProgram implements AutoCloseable {
    private final CsumbpfObject object = CsumbpfObject.open();
    private final CsumbpfMaps maps = object.load();
    private final BpfProgram program = object.program();
    private final BpfMap<PeerKey, Peer> peers =
            BpfMap.perCpu(object.raw().map("peers"), Codecs.PEER_KEY, Codecs.PEER, Peer::plus);

    void rules(Rules rules) {
        for (Vni vni : maps.rules().keySet()) {
            maps.removeRule(vni);
        }
        maps.config(new Config(rules.port(), false, Optional.empty())); // drops the counters of any
        maps.config(new Config(rules.port(), true, rules.any()));
        rules.byVni().forEach(maps::putRule);
    }

    TestRun run(byte[] frame, int gsoSize) {
        return program.testRun(frame, new TestContext(gsoSize, gsoSize == 0 ? 0 : 2), 1);
    }

    /** Nanoseconds for one run, the mean of {@code repeat}; the packet stays as the first run leaves it. */
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

    void forgetPeers() {
        peers.entries().keySet().forEach(peers::remove);
    }

    @Override
    public void close() {
        peers.close();
        program.close();
        maps.close();
        object.close();
    }
}
