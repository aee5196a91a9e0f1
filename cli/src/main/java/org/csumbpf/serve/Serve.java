// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.csumbpf.docker.NetworkNames;
import org.csumbpf.loader.host.SystemdNotify;
import org.csumbpf.pin.Selection;

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
     * @param ready to be called once, when the process does what it is for
     */
    public record Service(ServeLog log, MeterRegistry registry, Consumer<NetworkNames> networks, Runnable ready) {}

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
     * @param version of csumbpf
     */
    public record Options(
            Selection only,
            ListenAddress listen,
            int maxVnis,
            int maxPeers,
            ServeLog.Format logFormat,
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
        MetricsServer server = MetricsServer.start(
                options.listen(), registry.getPrometheusRegistry(), exporter::refresh, exporter::unready, log);
        SystemdNotify systemd = SystemdNotify.fromEnvironment();
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            systemd.stopping();
                            server.close();
                            log.info("stopped; attachments stay");
                            // Without this the JVM would end with 128 + the signal's number, which supervisors take for
                            // a failure.
                            Runtime.getRuntime().halt(0);
                        },
                        "end"));
        Thread events = new Thread(new EventLog(options.only(), networks::get, counts, log), "events");
        events.setDaemon(true);
        events.start();
        String where = "http://" + hostAndPort(server) + "/metrics";
        log.info("serving", "url", where);
        try {
            work.run(new Service(log, registry, networks::set, () -> systemd.ready("serving " + where)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String hostAndPort(MetricsServer server) {
        return new ListenAddress(
                        server.address().getAddress().getHostAddress(),
                        server.address().getPort())
                .toString();
    }
}
