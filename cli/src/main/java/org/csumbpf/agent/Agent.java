// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.Key;
import org.csumbpf.discover.Discovery;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetlinkMonitor;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.NamespaceSnapshot;

/**
 * Finds what needs repair in one network namespace, attaches there, and puts back what is lost: at each change that the
 * kernel reports, and every period. It does nothing that the commands could not do, and it takes their lock for each
 * change.
 */
public final class Agent {
    /** Nanoseconds: the shortest pause between two rounds. */
    private static final long PAUSE = 100_000_000L;
    /** A pause is at least so many times as long as the round before: a flood of changes costs a twentieth of a CPU. */
    private static final int PAUSES = 20;

    private static final long LONGEST_PAUSE = 2_000_000_000L;
    /** Nanoseconds after which everything is read again without a change. */
    private static final long PERIOD = 4_000_000_000L;
    /** Nanoseconds after which Docker is asked again. */
    private static final long DOCKER_PERIOD = 30_000_000_000L;

    private final NetworkNamespace netns;
    private final Supplier<AgentConfig> config;
    private final ServeLog log;
    private final Reconciler reconciler;
    private final MeterRegistry registry;
    private Optional<DockerEngine> engine = Optional.empty();
    private long engineRead = Long.MIN_VALUE;
    /** What was said last. */
    private List<String> refused = List.of();

    /**
     * @param config is asked in each round
     * @param registry for the counter {@code csumbpf_heals_total}
     */
    public Agent(NetworkNamespace netns, Supplier<AgentConfig> config, ServeLog log, MeterRegistry registry) {
        this.netns = netns;
        this.config = config;
        this.log = log;
        this.registry = registry;
        this.reconciler = new Reconciler(config.get().get(Key.KEEP).toNanos());
    }

    /** Applies a changed configuration, on the calling thread. */
    public synchronized void configured() {
        engineRead = Long.MIN_VALUE;
        round(MonotonicClock.nanos());
    }

    /**
     * Returns only if the thread is interrupted. What is attached stays.
     *
     * @param ready is called when the first round is over: whatever needs repair by then is repaired
     */
    public void run(Runnable ready) {
        try (NetlinkMonitor monitor = netns.call(NetlinkMonitor::open)) {
            round(MonotonicClock.nanos());
            ready.run();
            log.info("ready");
            while (!Thread.currentThread().isInterrupted()) {
                long began = MonotonicClock.nanos();
                round(began);
                long lasted = MonotonicClock.nanos() - began;
                pause(Math.min(LONGEST_PAUSE, Math.max(PAUSE, PAUSES * lasted)));
                monitor.await((int) (untilNext() / 1_000_000) + 1);
            }
        }
    }

    /** Nanoseconds until the next round, if nothing changes. */
    private synchronized long untilNext() {
        return reconciler
                .due()
                .map(due -> Math.min(PERIOD, Math.max(0, due - MonotonicClock.nanos())))
                .orElse(PERIOD);
    }

    private static void pause(long nanos) {
        try {
            Thread.sleep(nanos / 1_000_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Reads, decides and does. A part that fails is tried again in a later round. */
    synchronized void round(long now) {
        List<Action> actions;
        try {
            AgentConfig configured = config.get();
            askDocker(configured.get(Key.DOCKER_SOCKET), now);
            Wishes wishes = wishes(configured);
            List<Standing> attachments = AttachmentReader.all(Optional.of(netns)).stream()
                    .map(Standing::of)
                    .toList();
            sayRefused(wishes.refused());
            reconciler.follow(wishes.policy());
            actions = reconciler.decide(wishes.found(), attachments, wishes::of, now);
            log.resolved("read", "the host can be read again");
        } catch (RuntimeException e) {
            log.once("read", "cannot read the host: " + e.getMessage());
            return;
        }
        for (Action action : actions) {
            perform(action, now);
        }
    }

    private Wishes wishes(AgentConfig configured) {
        return netns.call(() -> {
            NamespaceSnapshot snapshot = NamespaceSnapshot.here();
            Discovery found = Discovery.of(
                    snapshot.links().get(),
                    snapshot.addresses().get(),
                    snapshot.associations().get(),
                    snapshot.policies().get(),
                    List.of(),
                    engine,
                    Rtnetlink::routeTo);
            return Wishes.of(
                    configured,
                    found,
                    snapshot.links().get(),
                    snapshot.addresses().get());
        });
    }

    private void sayRefused(List<String> names) {
        if (!names.equals(refused)) {
            refused = names;
            log.info("left out by the configuration", "interfaces", String.join(" ", names));
        }
    }

    /** An engine that does not answer is remembered as it was: it may only be restarting. */
    private void askDocker(Path socket, long now) {
        if (engineRead != Long.MIN_VALUE && now - engineRead < DOCKER_PERIOD) {
            return;
        }
        engineRead = now;
        if (!Files.exists(socket)) {
            return;
        }
        try {
            engine = Optional.of(DockerEngine.read(socket));
            log.resolved("docker", "Docker answers again");
        } catch (IOException e) {
            log.once("docker", "Docker at " + socket + ": " + e.getMessage());
        }
    }

    private void perform(Action action, long now) {
        String key = action.ifname() + " " + action.getClass().getSimpleName();
        try {
            if (action instanceof Action.Attach attach) {
                Result result = Attachments.attach(netns, attach.wish());
                report("attached", attach.ifname(), result, "reason", String.join("; ", attach.reasons()));
            } else if (action instanceof Action.Heal heal) {
                Result result = heal.wish()
                        .map(wish -> Attachments.attach(netns, wish))
                        .orElseGet(
                                () -> Attachments.restore(netns, heal.ifname()).result());
                for (Finding finding : heal.lost()) {
                    count(finding.id().label());
                }
                int times = reconciler.tried(heal, now);
                report(
                        "healed",
                        heal.ifname(),
                        result,
                        "lost",
                        String.join(
                                "; ",
                                heal.lost().stream().map(Finding::evidence).toList()),
                        "times",
                        times);
            } else {
                AttachmentResult detached = Attachments.detach(netns, action.ifname());
                report("detached", action.ifname(), detached.result());
                detached.failure().ifPresent(failure -> {
                    throw failure;
                });
            }
            log.resolved(key, action.ifname() + ": works again");
        } catch (RuntimeException e) {
            reconciler.tried(action, now);
            log.once(key, action.ifname() + ": " + e.getMessage());
        }
    }

    /** @param what id of the finding that was put back */
    private void count(String what) {
        Counter.builder("csumbpf.heals")
                .description("Losses that the agent put back, by the id of the finding.")
                .tag("what", what)
                .register(registry)
                .increment();
    }

    private void report(String what, String ifname, Result result, Object... fields) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("interface", ifname);
        for (int i = 0; i < fields.length; i += 2) {
            all.put((String) fields[i], fields[i + 1]);
        }
        all.put(
                "changes",
                String.join("; ", result.changes().stream().map(Change::text).toList()));
        log.info(what, all);
        Set<String> warnings = new TreeSet<>();
        result.warnings().forEach(warning -> warnings.add(warning.text()));
        for (String warning : warnings) {
            log.once(ifname + " warning " + warning, ifname + ": " + warning);
        }
    }
}
