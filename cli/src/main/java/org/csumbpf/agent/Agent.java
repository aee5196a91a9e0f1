// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import io.micrometer.core.instrument.Counter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.Key;
import org.csumbpf.discover.Discovery;
import org.csumbpf.docker.DockerEngine;
import org.csumbpf.docker.DockerWatch;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.doctor.HostWatch;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.ArrivalMonitor;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.NetlinkMonitor;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.serve.Serve;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.serve.SmallHeap;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.NamespaceSnapshot;

/**
 * Finds what needs repair in one network namespace, attaches there, and puts back what is lost: at each change that the
 * kernel or Docker reports, and every 30 seconds. It does nothing that the commands could not do, and it takes their
 * lock for each change.
 */
public final class Agent {
    /** Nanoseconds in which Docker may have to start yet. */
    private static final long FIRST = 60_000_000_000L;
    /** Nanoseconds: the shortest pause between two rounds. */
    private static final long PAUSE = 100_000_000L;
    /** A pause is at least so many times as long as the round before: a flood of changes costs a twentieth of a CPU. */
    private static final int PAUSES = 20;

    private static final long LONGEST_PAUSE = 2_000_000_000L;
    /** Nanoseconds after which everything is read again without a change. */
    private static final long PERIOD = 30_000_000_000L;
    /** Nanoseconds after which what nobody reports is compared. */
    private static final long UNREPORTED_PERIOD = 3_000_000_000L;

    /**
     * Who changed something.
     *
     * @param when CLOCK_MONOTONIC, nanoseconds
     */
    private record LastChange(NetlinkMonitor.Author author, long when) {}

    private final NetworkNamespace netns;
    private final Supplier<AgentConfig> config;
    private final Serve.Service service;
    private final ServeLog log;
    private final Reconciler reconciler;
    private final Alarm alarm = new Alarm();
    private final DockerWatch docker;
    private final Arrivals arrivals;
    /** Whether another program runs before csumbpf somewhere: it may begin to cost packets at any time. */
    private boolean crowded;

    private final Map<NetlinkMonitor.Subject, LastChange> lastChanges = new ConcurrentHashMap<>();
    private final SmallHeap heap = new SmallHeap();
    private final Heartbeat heartbeat;
    private final Optional<Path> stateDirectory = LastUplinks.directory();
    /** As the file has it; from the agent before this one at first. */
    private LastUplinks remembered = LastUplinks.NONE;
    /** CLOCK_MONOTONIC, nanoseconds. */
    private long started;
    /** When something was found last that needs repair, CLOCK_MONOTONIC, nanoseconds; empty: not yet. */
    private OptionalLong foundLast = OptionalLong.empty();

    /** When the round before this one began, CLOCK_MONOTONIC, nanoseconds. */
    private long roundBefore;

    /** What was said last. */
    private List<String> refused = List.of();

    /** @param config is asked in each round */
    public Agent(NetworkNamespace netns, Supplier<AgentConfig> config, Serve.Service service) {
        this.netns = netns;
        this.config = config;
        this.service = service;
        this.log = service.log();
        this.reconciler = new Reconciler(config.get().get(Key.KEEP).toNanos());
        this.docker = new DockerWatch(config.get().get(Key.DOCKER_SOCKET), alarm::ring, this::reportDocker);
        this.arrivals = new Arrivals(netns, alarm::ring, this::reportArrivals);
        this.heartbeat = new Heartbeat(AgentLock.directory(netns.inode()));
    }

    /** Returns only if the thread is interrupted. What is attached stays. */
    public void run() throws InterruptedException {
        alive(); // instead of what an agent before this one has left
        KnownAttachment.RESTORED.forEach(this::heals);
        heals(Finding.Id.INTERFACE_MOVED); // each counter is there from the start, with 0
        NetlinkMonitor monitor = netns.call(NetlinkMonitor::open);
        start("changes", () -> follow(monitor));
        docker.ask();
        start("docker", docker);
        start("arrivals", arrivals);
        readState();
        long began = MonotonicClock.nanos();
        started = began;
        // Read before each round: a change during the round is seen by the next one.
        Unreported before = Unreported.read(netns);
        round(began);
        // Whatever needs repair by now is repaired.
        service.ready().run();
        log.info("ready");
        start(
                "doctor",
                new Checkup(
                        time -> HostWatch.watch(netns, config.get().get(Key.DOCKER_SOCKET), time, false),
                        log,
                        service.registry(),
                        service.examinations()));
        while (true) {
            long lasted = MonotonicClock.nanos() - began;
            TimeUnit.NANOSECONDS.sleep(Math.min(LONGEST_PAUSE, Math.max(PAUSE, PAUSES * lasted)));
            roundBefore = began;
            awaitReason(before, began + (crowded ? UNREPORTED_PERIOD : PERIOD));
            began = MonotonicClock.nanos();
            before = Unreported.read(netns);
            round(began);
            heap.collect();
        }
    }

    private void readState() {
        try {
            if (stateDirectory.isPresent()) {
                remembered = LastUplinks.read(stateDirectory.get());
            }
        } catch (IOException e) {
            log.error("cannot read what needed repair before: " + e.getMessage());
        }
    }

    /** Another configuration is in force: the next round begins at once. Thread-safe. */
    public void configured() {
        alarm.ring();
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void follow(NetlinkMonitor monitor) {
        try {
            while (true) {
                monitor.await(-1)
                        .author()
                        .ifPresent(author ->
                                lastChanges.put(author.subject(), new LastChange(author, MonotonicClock.nanos())));
                alarm.ring();
            }
        } catch (KernelException e) {
            log.error("changes are noticed every " + PERIOD / 1_000_000_000 + " s only: " + e.getMessage());
        }
    }

    private void reportDocker(Optional<String> problem) {
        problem.ifPresentOrElse(text -> log.once("docker", text), () -> log.resolved("docker", "Docker answers again"));
    }

    private void reportArrivals(Optional<KernelException> failure) {
        failure.ifPresentOrElse(
                e -> log.once(
                        "arrivals", "does not see ESP on devices without the address it is sent to: " + e.getMessage()),
                () -> log.resolved("arrivals", "sees ESP on all devices again"));
    }

    /**
     * Waits for a reason for another round.
     *
     * @param latest CLOCK_MONOTONIC, nanoseconds
     */
    private void awaitReason(Unreported before, long latest) throws InterruptedException {
        long left;
        do {
            alive();
            if (!Unreported.read(netns).equals(before)) {
                return;
            }
            left = Math.min(latest, reconciler.due().orElse(latest)) - MonotonicClock.nanos();
        } while (left > 0 && !alarm.await(Math.min(left, UNREPORTED_PERIOD)));
    }

    private void alive() {
        service.alive().run();
        try {
            heartbeat.beat(MonotonicClock.nanos());
        } catch (IOException e) {
            log.error("'csumbpf agent --check' will not see this agent: " + e.getMessage());
        }
    }

    /** Reads, decides and does. A part that fails is tried again in a later round. */
    private void round(long now) {
        List<Action> actions;
        try {
            Wishes wishes = wishes(now);
            name();
            List<KnownAttachment> attachments =
                    AttachmentReader.all(Optional.of(netns), AttachmentReader.Peers.SKIPPED).stream()
                            .map(KnownAttachment::of)
                            .toList();
            crowded = attachments.stream().anyMatch(KnownAttachment::crowded);
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

    /** Tells the metrics, and the other commands, the names of Docker's networks. */
    private void name() {
        NetworkNames names =
                NetworkNames.of(docker.engine().map(DockerEngine::networks).orElse(List.of()));
        service.networks().accept(names);
        try {
            names.write(AgentLock.directory(netns.inode()));
            log.resolved("names", "the names of networks can be written again");
        } catch (IOException e) {
            log.once("names", "cannot write the names of networks for the other commands: " + e.getMessage());
        }
    }

    private Wishes wishes(long now) {
        return netns.call(() -> {
            NamespaceSnapshot snapshot = NamespaceSnapshot.here();
            Discovery expected = discovery(snapshot, List.of());
            arrivals.expect(new Arrivals.Expected(
                    expected.uplinks().stream()
                            .map(uplink -> uplink.device().ifindex())
                            .collect(Collectors.toSet()),
                    Wishes.ports(config.get(), expected),
                    snapshot.associations().get()));
            List<ArrivalMonitor.Arrival> recent = arrivals.recent();
            Discovery found = recent.isEmpty() ? expected : discovery(snapshot, recent);
            return Wishes.of(
                    config.get(),
                    remembering(found, snapshot, now),
                    snapshot.links().get(),
                    snapshot.addresses().get());
        });
    }

    /**
     * In its first minute with what needed repair when the agent ran last, if nothing is found yet. What is found is
     * written for the next time, and forgotten after as long as an attachment without a reason is kept: when the host
     * shuts down, Docker ends before the agent.
     */
    private Discovery remembering(Discovery found, NamespaceSnapshot snapshot, long now) {
        if (stateDirectory.isEmpty()) {
            return found;
        }
        List<DeviceAddress> addresses = snapshot.addresses().get();
        LastUplinks uplinks = LastUplinks.of(found, addresses);
        if (!uplinks.devices().isEmpty()) {
            remember(uplinks);
            foundLast = OptionalLong.of(now);
        } else if (now - foundLast.orElse(started) > config.get().get(Key.KEEP).toNanos()) {
            remember(uplinks);
        } else if (foundLast.isEmpty() && now - started <= FIRST) {
            return remembered.addTo(found, snapshot.links().get(), addresses);
        }
        return found;
    }

    private void remember(LastUplinks uplinks) {
        if (uplinks.equals(remembered)) {
            return;
        }
        try {
            uplinks.write(stateDirectory.orElseThrow());
            remembered = uplinks;
            log.resolved("state", "what needs repair can be written again, for the time after a reboot");
        } catch (IOException e) {
            log.once("state", "cannot write what needs repair, for the time after a reboot: " + e.getMessage());
        }
    }

    private Discovery discovery(NamespaceSnapshot snapshot, List<ArrivalMonitor.Arrival> recent) {
        return Discovery.of(
                snapshot.links().get(),
                snapshot.addresses().get(),
                snapshot.associations().get(),
                snapshot.policies().get(),
                List.of(),
                recent,
                docker.engine(),
                Rtnetlink::routeTo);
    }

    private void sayRefused(List<String> names) {
        if (!names.equals(refused)) {
            refused = names;
            log.info("left out by the configuration", "interfaces", String.join(" ", names));
        }
    }

    private void perform(Action action, long now) {
        String key = action.ifname() + " " + action.getClass().getSimpleName();
        try {
            if (action instanceof Action.Attach attach) {
                boolean isKnown = reconciler.isOwn(attach.ifindex());
                Result result = Attachments.attach(netns, attach.wish());
                reconciler.attached(attach);
                boolean isNew = result.did(Change.Id.ATTACHED);
                if (isNew && isKnown) {
                    // It was to be changed, and was lost between reading and doing.
                    heals(Finding.Id.HOOK_LOST).increment();
                }
                report(
                        isNew
                                ? isKnown ? "healed" : "attached"
                                : result.changes().isEmpty() ? "adopted" : "changed",
                        attach.ifname(),
                        result,
                        "reason",
                        String.join("; ", attach.reasons()));
            } else if (action instanceof Action.Heal heal) {
                boolean isBehind = heal.lost().stream().anyMatch(lost -> lost.id() == Finding.Id.PROGRAM_BEFORE);
                Result result = heal.wish()
                        .filter(wish -> !isBehind) // attach leaves the order as it is
                        .map(wish -> Attachments.attach(netns, wish))
                        .orElseGet(
                                () -> Attachments.restore(netns, heal.ifname()).result());
                heal.lost().forEach(finding -> heals(finding.id()).increment());
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
                        times,
                        "after",
                        author(heal.lost()));
            } else if (action instanceof Action.Follow) {
                for (AttachmentResult followed : Attachments.restoreMoved(netns, AttachOptions::agent)) {
                    followed.failure().ifPresent(failure -> {
                        throw failure;
                    });
                    heals(Finding.Id.INTERFACE_MOVED).increment();
                    report("healed", followed.label(), followed.result(), "lost", "moved to another network namespace");
                }
            } else if (action instanceof Action.Detach detach) {
                AttachmentResult detached = Attachments.detach(netns, detach.ifname());
                report("detached", detach.ifname(), detached.result());
                detached.failure().ifPresent(failure -> {
                    throw failure;
                });
                reconciler.detached(detach);
            }
            log.resolved(key, action.ifname() + ": works again");
        } catch (RuntimeException e) {
            reconciler.tried(action, now);
            log.once(key, action.ifname() + ": " + e.getMessage());
        }
    }

    /** Who may have caused a loss: whoever changed the same thing since the round before. */
    private Optional<String> author(List<Finding> lost) {
        Set<NetlinkMonitor.Subject> subjects = EnumSet.noneOf(NetlinkMonitor.Subject.class);
        for (Finding finding : lost) {
            switch (finding.id()) {
                case BACKSTOP_LOST -> subjects.add(NetlinkMonitor.Subject.NFTABLES);
                case HOOK_LOST -> subjects.add(NetlinkMonitor.Subject.DEVICES);
                default -> {}
            }
        }
        return subjects.stream()
                .flatMap(subject -> Optional.ofNullable(lastChanges.get(subject)).stream())
                .filter(change -> change.when() > roundBefore)
                .map(LastChange::author)
                .map(Agent::describe)
                .findFirst();
    }

    private static String describe(NetlinkMonitor.Author author) {
        if (author.pid() == 0) {
            return "a change by " + author.name();
        }
        return author.name().isEmpty()
                ? "a change by process " + author.pid()
                : "a change by " + author.name() + " (process " + author.pid() + ")";
    }

    private Counter heals(Finding.Id lost) {
        return Counter.builder("csumbpf.heals")
                .description("Losses that the agent put back, by the id of the finding.")
                .tag("what", lost.label())
                .register(service.registry());
    }

    private void report(String what, String ifname, Result result, Object... fields) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("interface", ifname);
        for (int i = 0; i < fields.length; i += 2) {
            if (!fields[i + 1].equals(Optional.empty())) {
                all.put((String) fields[i], fields[i + 1]);
            }
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
