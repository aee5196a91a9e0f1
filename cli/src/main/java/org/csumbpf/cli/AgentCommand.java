// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.csumbpf.agent.Agent;
import org.csumbpf.agent.AgentLock;
import org.csumbpf.agent.Heartbeat;
import org.csumbpf.agent.Reload;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.Key;
import org.csumbpf.loader.host.HostLock;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.SystemdNotify;
import org.csumbpf.serve.Serve;
import org.csumbpf.serve.ServeLog;
import org.csumbpf.serve.WebAccess;
import org.jline.utils.Signals;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "agent",
        description = {
            "Find what needs repair on this host, attach there, and keep it so, until SIGTERM or Ctrl-C. Also does what serve"
                    + " does. SIGHUP reads the configuration file again.",
            "",
            "'csumbpf discover' shows what the agent finds, 'csumbpf config show' how it is configured. It changes only"
                    + " attachments that it made itself. When it ends, they stay in force, and the next agent takes them"
                    + " over. 'csumbpf attach' takes an attachment from the agent; 'csumbpf detach' does not keep the agent"
                    + " from attaching again."
        })
final class AgentCommand extends HostCommand {
    @Option(
            names = "--check",
            description =
                    "Only say whether an agent works in this network namespace, for the health check of a container:"
                            + " ends with 0, or with 9 if none runs or it has done nothing for 2 minutes.")
    private boolean check;

    @Mixin
    private AgentOptions options;

    @Option(
            names = "--stand-by",
            description =
                    "Wait while another agent works in this network namespace, and take over when it ends. Otherwise"
                            + " this one ends with 8.")
    private boolean standsBy;

    private AgentConfig config;

    @Override
    void checkUsage() {
        options.check(spec());
    }

    @Override
    Optional<Path> bpffs() {
        if (check) {
            return Optional.empty(); // pins are of no interest to it
        }
        config = options.load(spec());
        return global().bpffs().or(() -> config.get(Key.BPFFS));
    }

    @Override
    boolean changes() {
        return !check;
    }

    @Override
    ExitCode run(Output out) {
        if (check) {
            return check(out);
        }
        try (NetworkNamespace netns = global().netns();
                HostLock only = standsBy ? standBy(netns) : AgentLock.acquire(netns)) {
            Optional<WebAccess> access = config.get(Key.WEB_CONFIG).map(WebAccess::open);
            Serve.run(
                    new Serve.Options(
                            global().selection(),
                            config.get(Key.LISTEN),
                            config.get(Key.MAX_VNIS),
                            config.get(Key.MAX_PEERS),
                            config.get(Key.LOG_FORMAT),
                            access,
                            Version.number()),
                    System.err,
                    service -> {
                        Reload reload = new Reload(options.source(spec()), config, service.log(), service.registry());
                        Agent agent = new Agent(netns, reload, service);
                        onHangup(service.log(), () -> {
                            if (reload.reload()) {
                                agent.configured();
                            }
                        });
                        agent.run();
                    });
        }
        return ExitCode.DONE;
    }

    /** Is ready meanwhile for those that wait for it, systemd and a Swarm's update. Then reads the configuration again. */
    private HostLock standBy(NetworkNamespace netns) {
        SystemdNotify systemd = SystemdNotify.fromEnvironment();
        ServeLog log = new ServeLog(config.get(Key.LOG_FORMAT), System.err);
        AtomicBoolean waited = new AtomicBoolean();
        HostLock lock = AgentLock.await(netns, () -> {
            if (!waited.getAndSet(true)) {
                onHangup(log, () -> {});
                log.info("stands by: another agent works in this network namespace");
                systemd.ready("stands by: another agent works in this network namespace");
            }
            systemd.alive();
        });
        if (waited.get()) {
            log.info("takes over: the other agent has ended");
            config = options.load(spec());
        }
        return lock;
    }

    private ExitCode check(Output out) {
        Optional<Duration> seen;
        try (NetworkNamespace netns = global().netns()) {
            seen = Heartbeat.seen(netns);
        }
        new Report(global(), out, err()).agent(seen);
        return seen.isPresent() ? ExitCode.DONE : ExitCode.AMISS;
    }

    /** A JVM with -Xrs leaves SIGHUP to the kernel, which ends the process; below nohup it stays ignored. */
    private static void onHangup(ServeLog log, Runnable work) {
        if (Signals.register("HUP", work) == null) {
            log.warn("SIGHUP ends the agent, because its JVM runs with -Xrs; start it again to reload");
        } else if (ignoresHangup()) {
            log.warn("SIGHUP is ignored, as by nohup; start the agent again to reload");
        }
    }

    /** Whether bit 0 of SigIgn is set, that of signal 1: proc(5). */
    private static boolean ignoresHangup() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.anyMatch(line -> line.matches("SigIgn:.*[13579bdf]"));
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }
}
