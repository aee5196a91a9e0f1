// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.ArrivalMonitor;
import org.csumbpf.loader.host.ArrivalMonitor.Arrival;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.SecurityAssociation;

/**
 * Listens whether ESP comes in by devices on which nobody expects it: a host takes packets for any of its addresses by
 * any device, and what the other side's routes are is not known here. Listens for three seconds, when what is expected
 * changes and every 30 seconds, because a packet socket costs a little for each packet of the host.
 */
final class Arrivals implements Runnable {
    private static final long PERIOD = 30_000_000_000L;
    private static final long LISTENING = 3_000_000_000L;
    /** For so long a device counts as one by which packets come in. */
    private static final long KEPT = 600_000_000_000L;
    /** A flood costs no more than {@link #MOST} packets in each pause. */
    private static final long PAUSE_MILLIS = 50;

    private static final int MOST = 64;

    /**
     * What is known without listening.
     *
     * @param devices ifindexes of the devices by which ESP comes in
     * @param ports UDP ports of VXLAN, in host order
     * @param associations for which to listen; none: there is nothing to listen for
     */
    record Expected(Set<Integer> devices, Set<Integer> ports, List<SecurityAssociation> associations) {
        /** Each packet changes what an SA has carried, which is no reason to listen again. */
        Expected {
            associations = associations.stream()
                    .map(SecurityAssociation::withoutTraffic)
                    .toList();
        }
    }

    /** @param when CLOCK_MONOTONIC, nanoseconds */
    private record Seen(Arrival arrival, long when) {}

    private final NetworkNamespace netns;
    private final Runnable discovered;
    private final Consumer<Optional<KernelException>> listened;
    /** The last one of each device, by ifindex. */
    private final Map<Integer, Seen> seen = new ConcurrentHashMap<>();

    private final Alarm changed = new Alarm();
    private volatile Expected expected = new Expected(Set.of(), Set.of(), List.of());

    /**
     * @param discovered is called when packets come in by a device for the first time
     * @param listened is called after listening, with what went wrong
     */
    Arrivals(NetworkNamespace netns, Runnable discovered, Consumer<Optional<KernelException>> listened) {
        this.netns = netns;
        this.discovered = discovered;
        this.listened = listened;
    }

    void expect(Expected now) {
        if (!now.equals(expected)) {
            expected = now;
            changed.ring();
        }
    }

    /** What came in by devices on which it was not expected, in the last ten minutes, whatever became of its SA. */
    List<Arrival> recent() {
        long now = MonotonicClock.nanos();
        seen.values().removeIf(last -> now - last.when() > KEPT);
        return seen.values().stream().map(Seen::arrival).toList();
    }

    @Override
    public void run() {
        try {
            while (true) {
                changed.await(PERIOD);
                Expected now = expected;
                if (!now.associations().isEmpty()) {
                    try {
                        listen(now);
                        listened.accept(Optional.empty());
                    } catch (KernelException e) {
                        listened.accept(Optional.of(e));
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void listen(Expected now) throws InterruptedException {
        List<Integer> ignored = new ArrayList<>(now.devices());
        ignored.add(NetDevice.LOOPBACK);
        try (ArrivalMonitor monitor = netns.call(() -> ArrivalMonitor.open(now.ports(), ignored))) {
            long end = MonotonicClock.nanos() + LISTENING;
            for (long left = LISTENING; left > 0; left = end - MonotonicClock.nanos()) {
                for (Arrival arrival : monitor.await((int) (left / 1_000_000) + 1, MOST)) {
                    if (Discovery.carries(now.associations(), arrival)) {
                        note(arrival);
                    }
                }
                Thread.sleep(PAUSE_MILLIS);
            }
        }
    }

    private void note(Arrival arrival) {
        if (seen.put(arrival.ifindex(), new Seen(arrival, MonotonicClock.nanos())) == null) {
            discovered.run();
        }
    }
}
