// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.doctor.Examination;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.loader.host.SystemdNotify;
import org.csumbpf.pin.Selection;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.MovedDevices;

/** Serves metrics and logs events until the process is ended. It changes nothing on the host. */
public final class Serve {
    private Serve() {}

    /** What the process does besides, on the calling thread. */
    public interface Work {
        void run(Service service) throws InterruptedException;
    }

    /**
     * What serves.
     *
     * @param log for what else there is to report
     * @param registry for more metrics
     * @param networks takes the names of Docker's networks, whenever they change
     * @param examinations takes what the doctor found, for the page
     * @param ready to be called once, when the process does what it is for
     * @param alive to be called every few seconds, for systemd's watchdog
     */
    public record Service(
            ServeLog log,
            MeterRegistry registry,
            Consumer<NetworkNames> networks,
            Consumer<Examination> examinations,
            Runnable ready,
            Runnable alive) {}

    /** Nothing: only serve. */
    public static void run(Options options, PrintStream err) {
        run(options, err, service -> {
            service.ready().run();
            new CountDownLatch(1).await();
        });
    }

    /**
     * What the user wants.
     *
     * @param only the attachments to serve
     * @param listen the address for HTTP
     * @param maxVnis most VNIs with series of their own
     * @param maxPeers most peers with series of their own
     * @param logFormat how log lines look
     * @param access TLS and passwords; empty: plain HTTP for everybody
     * @param version of csumbpf
     */
    public record Options(
            Selection only,
            ListenAddress listen,
            int maxVnis,
            int maxPeers,
            ServeLog.Format logFormat,
            Optional<WebAccess> access,
            String version) {}

    /** Returns only by an exception; SIGTERM and SIGINT end the process with exit code 0. */
    public static void run(Options options, PrintStream err, Work work) {
        ServeLog log = new ServeLog(options.logFormat(), err);
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        Snapshot.EventCounts counts = new Snapshot.EventCounts();
        AtomicReference<NetworkNames> networks = new AtomicReference<>(NetworkNames.NONE);
        Exporter exporter = new Exporter(
                options.only(),
                new Snapshot.Limits(options.maxVnis(), options.maxPeers()),
                networks::get,
                counts,
                options.version(),
                registry,
                log);
        AtomicReference<Examination> examination = new AtomicReference<>();
        MovedDevices moved = new MovedDevices();
        Page page = new Page(
                () -> AttachmentReader.all(options.only(), moved, AttachmentReader.Peers.SKIPPED),
                () -> Optional.ofNullable(examination.get()),
                MonotonicClock::nanos,
                options.version());
        MetricsServer server = MetricsServer.start(
                options.listen(),
                registry.getPrometheusRegistry(),
                exporter::refresh,
                page::html,
                exporter::unready,
                log,
                options.access().orElse(null));
        boolean tls = options.access().map(WebAccess::usesTls).orElse(false);
        if (tls) {
            Gauge.builder(
                            "csumbpf.tls.certificate.not.after.timestamp",
                            options.access().get(),
                            WebAccess::notAfter)
                    .baseUnit("seconds")
                    .description("Unix time at which the first of the served certificates expires.")
                    .register(registry);
        }
        AtomicBoolean failed = new AtomicBoolean();
        SystemdNotify systemd = SystemdNotify.fromEnvironment();
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            systemd.stopping();
                            server.close();
                            if (failed.get()) {
                                return; // the exit code says so
                            }
                            log.info("stopped; attachments stay");
                            // Without this the JVM would end with 128 + the signal's number, which supervisors take for
                            // a failure.
                            Runtime.getRuntime().halt(0);
                        },
                        "end"));
        Thread events = new Thread(new EventLog(options.only(), networks::get, counts, log), "events");
        events.setDaemon(true);
        events.start();
        String where = (tls ? "https://" : "http://") + hostAndPort(server.address()) + "/metrics";
        log.info("serving", "url", where);
        warnOfStrangers(server.address(), options.access(), log);
        try {
            work.run(new Service(
                    log,
                    registry,
                    networks::set,
                    examination::set,
                    () -> systemd.ready("serving " + where),
                    systemd::alive));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            failed.set(true);
            throw e;
        } catch (Error e) {
            failed.set(true);
            // The server's threads would keep the process alive, and nobody would see that it does nothing else.
            log.error("the process ends: " + e);
            Runtime.getRuntime().halt(1);
        }
    }

    /** Says once what an address beyond this host exposes. */
    static void warnOfStrangers(InetSocketAddress address, Optional<WebAccess> access, ServeLog log) {
        boolean tls = access.map(WebAccess::usesTls).orElse(false);
        boolean passwords = access.map(WebAccess::asksForPasswords).orElse(false);
        if (tls || address.getAddress().isLoopbackAddress()) {
            return;
        }
        log.warn(
                passwords
                        ? "passwords and metrics are sent unencrypted; add tls_server_config to the file of --web-config"
                        : "whoever reaches this address can read the metrics; --web-config FILE adds TLS and passwords",
                "address",
                hostAndPort(address));
    }

    private static String hostAndPort(InetSocketAddress address) {
        return new ListenAddress(address.getAddress().getHostAddress(), address.getPort()).toString();
    }
}
