// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.PacketSampler;
import org.csumbpf.snapshot.VxlanHeader;

/** Watches a host for some seconds. Changes nothing: it reads, listens with packet sockets, and pings the peers. */
public final class HostWatch {
    private static final Duration ROUND = Duration.ofMillis(100);
    private static final int MOST_PROBED = 4;
    private static final Duration PING = Duration.ofSeconds(4);
    private static final int SMALL = 56;
    private static final int ICMP_HEADERS = 20 + 8;
    private static final int ICMPV6_HEADERS = 40 + 8;

    private HostWatch() {}

    /**
     * @param netns to be judged
     * @param docker socket of the Docker engine
     * @param pings whether the peers are pinged
     */
    public static Watch watch(NetworkNamespace netns, Path docker, Duration time, boolean pings) {
        HostState before = HostStateReader.read(netns, docker, true);
        long begun = System.nanoTime();
        List<Probe> probes = Collections.synchronizedList(new ArrayList<>());
        Thread probing = new Thread(
                () -> {
                    try {
                        probe(netns, before, probes);
                    } catch (RuntimeException e) {
                        probes.clear(); // what pings would have told is not known
                    }
                },
                "probe");
        probing.setDaemon(true);
        if (pings && !time.isZero()) {
            probing.start();
        }
        List<Seen> seen = seen(netns, before, time, probing);
        pause(begun, time); // if packets cannot be watched
        join(probing);
        HostState after = HostStateReader.read(netns, docker, false);
        return new Watch(before, after, (System.nanoTime() - begun) / 1e9, seen, List.copyOf(probes));
    }

    /** Null if packets cannot be watched. */
    private static List<Seen> seen(NetworkNamespace netns, HostState state, Duration time, Thread probing) {
        Map<Integer, String> names = new HashMap<>();
        state.devices().forEach(device -> names.put(device.ifindex(), device.name()));
        try {
            return netns.call(() -> {
                try (PacketSampler sampler = PacketSampler.open(Watch.of(state).ports(), VxlanHeader::vni)) {
                    sampler.collect(time);
                    while (probing.isAlive()) {
                        sampler.collect(ROUND);
                    }
                    List<Seen> seen = new ArrayList<>();
                    sampler.counts()
                            .forEach((kind, count) -> seen.add(new Seen(
                                    names.getOrDefault(kind.ifindex(), Integer.toString(kind.ifindex())),
                                    kind.outgoing(),
                                    HostStateReader.text(kind.source()),
                                    HostStateReader.text(kind.destination()),
                                    kind.spi().isPresent()
                                            ? String.format(
                                                    Locale.ROOT,
                                                    "0x%08x",
                                                    kind.spi().getAsInt())
                                            : "",
                                    kind.label().orElse(-1),
                                    count.packets(),
                                    count.longestBytes())));
                    return seen;
                }
            });
        } catch (KernelException e) {
            return null; // CAP_NET_RAW is missing; the counters still tell most
        }
    }

    /** Pings the peers, by the program, because the host may not let others send ICMP. */
    private static void probe(NetworkNamespace netns, HostState state, List<Probe> probes) {
        Watch watch = Watch.of(state);
        int bytes = new OverlayChecks(watch).longest();
        Set<String> peers = new LinkedHashSet<>(watch.expectedPeers().keySet());
        peers.addAll(watch.exchanges().keySet());
        for (String peer : peers.stream().limit(MOST_PROBED).toList()) {
            int headers = peer.contains(":") ? ICMPV6_HEADERS : ICMP_HEADERS;
            if (bytes > headers) {
                String small = ping(netns, peer, SMALL);
                String full = ping(netns, peer, bytes - headers);
                // Again: whoever answers few pings in a second has answered them.
                String last = full.contains(" 0 received") ? ping(netns, peer, SMALL) : small;
                probes.add(Probe.of(peer, bytes, last, full));
            }
        }
    }

    private static String ping(NetworkNamespace netns, String peer, int size) {
        return netns.output(
                        List.of(
                                // Its words are read.
                                "env",
                                "LC_ALL=C",
                                "ping",
                                "-n",
                                "-c",
                                "3",
                                "-i",
                                "0.2",
                                "-W",
                                "1",
                                "-M",
                                "do",
                                "-s",
                                Integer.toString(size),
                                peer),
                        PING,
                        true)
                .orElse("");
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void pause(long begun, Duration time) {
        long left = time.toNanos() - (System.nanoTime() - begun);
        if (left > 0) {
            try {
                Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
