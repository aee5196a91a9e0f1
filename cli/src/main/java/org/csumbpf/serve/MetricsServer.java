// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import io.prometheus.metrics.exporter.common.PrometheusScrapeHandler;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachException.Kind;

/**
 * Serves a registry over HTTP, in the formats that Prometheus asks for: /metrics, /-/healthy, /-/ready, and a page at
 * /.
 *
 * <p>Each answer of /metrics is collected when its request arrives: refresh first, then all metrics, one request at a
 * time. It is sent after that, so a client that reads slowly delays nobody.
 *
 * <p>The JDK's server gives a thread to each request whose first byte arrived, so an incomplete request holds a thread
 * until the JDK's time limit. There are as many threads as connections are allowed, so stalled clients cannot use up
 * the threads: the server refuses their connections first. The same holds for TLS: the handshake is a part of the
 * request.
 */
public final class MetricsServer implements AutoCloseable {
    /** Limits of the JDK's server. It reads them once, from system properties; values that the user has set stay. */
    private static final Map<String, String> LIMITS = Map.of(
            "jdk.httpserver.maxConnections", "512",
            // Seconds for a request to arrive, and for its answer to be made and read. Prometheus waits 10 by default,
            // too.
            "sun.net.httpserver.maxReqTime", "5",
            "sun.net.httpserver.maxRspTime", "10",
            // Seconds, more than the usual minute between two scrapes, so that a scraper keeps its connection.
            "sun.net.httpserver.idleInterval", "75",
            "sun.net.httpserver.maxIdleConnections", "64",
            // Milliseconds between two checks for idle connections.
            "sun.net.httpserver.clockTick", "5000",
            "sun.net.httpserver.maxReqHeaders", "100",
            "sun.net.httpserver.maxReqHeaderSize", "16384",
            "sun.net.httpserver.nodelay", "true");

    static {
        setLimits(System.getProperties());
    }

    private static final int BACKLOG = 128;
    private static final long THREAD_IDLE_SECONDS = 10;
    /** Less than the time for an answer, so that a client whose turn does not come gets one. */
    private static final long TURN_SECONDS = 8;
    /** Bytes of answers that clients have not read yet, at most: a quarter of the heap. */
    private static final long MOST_UNSENT = Runtime.getRuntime().maxMemory() / 4;

    private final HttpServer server;
    private final ExecutorService threads;
    private final PrometheusScrapeHandler scrapes;
    private final Runnable refresh;
    private final Supplier<String> page;
    private final Supplier<Optional<String>> unready;
    private final ServeLog log;
    /** null: everybody may read everything, over plain HTTP */
    private final WebAccess access;
    /** Fair: scrapes run in the order in which they arrived. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private final SmallHeap heap = new SmallHeap();
    private final AtomicLong unsent = new AtomicLong();
    private volatile boolean closed;

    private MetricsServer(
            HttpServer server,
            PrometheusRegistry registry,
            Runnable refresh,
            Supplier<String> page,
            Supplier<Optional<String>> unready,
            ServeLog log,
            WebAccess access) {
        this.server = server;
        this.access = access;
        this.scrapes = new PrometheusScrapeHandler(registry);
        this.refresh = refresh;
        this.page = page;
        this.unready = unready;
        this.log = log;
        int most = Integer.getInteger("jdk.httpserver.maxConnections", 0);
        threads = new ThreadPoolExecutor(
                0,
                most > 0 ? most : Integer.MAX_VALUE,
                THREAD_IDLE_SECONDS,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                threadFactory(log));
    }

    /**
     * Listens and serves from here on.
     *
     * @param refresh runs before the registry is collected, in one thread at a time; if it throws, the answer is 500,
     *     and one line is logged until a scrape succeeds
     * @param page makes the page at /, in one thread at a time, and not together with refresh
     * @param unready why the process is not ready, in a line; empty if it is; called by many threads, must not block
     * @param access TLS and passwords; null: plain HTTP for everybody
     * @throws AttachException the address cannot be used
     */
    public static MetricsServer start(
            ListenAddress listen,
            PrometheusRegistry registry,
            Runnable refresh,
            Supplier<String> page,
            Supplier<Optional<String>> unready,
            ServeLog log,
            WebAccess access) {
        MetricsServer metrics = new MetricsServer(
                bind(listen, access != null && access.usesTls()), registry, refresh, page, unready, log, access);
        metrics.server.createContext("/", metrics::handle);
        if (access == null) {
            metrics.server.setExecutor(metrics.threads);
        } else {
            if (metrics.server instanceof HttpsServer https) {
                https.setHttpsConfigurator(new CurrentTls(() -> access.tls().orElseThrow()));
            }
            metrics.server.setExecutor(task -> metrics.threads.execute(() -> {
                access.follow(log);
                task.run();
            }));
        }
        metrics.server.start();
        return metrics;
    }

    static void setLimits(Properties properties) {
        LIMITS.forEach(properties::putIfAbsent);
    }

    /** The address on which it listens, with the port that the kernel chose if 0 was asked for. */
    public InetSocketAddress address() {
        return server.getAddress();
    }

    /**
     * Stops at once, also in the middle of an answer. Waits up to 8 seconds for a running refresh; no other one starts.
     */
    @Override
    public void close() {
        closed = true;
        server.stop(0);
        threads.shutdown();
        try {
            if (turn.tryLock(TURN_SECONDS, TimeUnit.SECONDS)) {
                turn.unlock();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static HttpServer bind(ListenAddress listen, boolean tls) {
        InetSocketAddress address = listen.resolve();
        String refused = "listen on " + listen + " failed: ";
        if (address.isUnresolved()) {
            throw new AttachException(
                    Kind.UNSUPPORTED_HOST,
                    refused + "'" + listen.host() + "' has no known address",
                    "give --listen an address of this host ('ip address' lists them)");
        }
        try {
            return tls ? HttpsServer.create(address, BACKLOG) : HttpServer.create(address, BACKLOG);
        } catch (IOException e) {
            String reason = String.valueOf(e.getMessage());
            if (reason.contains("ermission denied")) {
                throw new AttachException(
                        Kind.NOT_PERMITTED, refused + reason, "choose a port above 1023 with --listen", e);
            }
            String next = isLocal(address.getAddress())
                    ? "is another csumbpf serve running? choose another port with --listen"
                    : "give --listen an address of this host ('ip address' lists them), or ':" + listen.port()
                            + "' for all";
            throw new AttachException(Kind.UNSUPPORTED_HOST, refused + reason, next, e);
        }
    }

    /** 127.0.0.2 is local too, although no device lists it. But ::1 is not if IPv6 is off. */
    private static boolean isLocal(InetAddress address) {
        try {
            return address.isAnyLocalAddress()
                    || (address.isLoopbackAddress() && address instanceof Inet4Address)
                    || NetworkInterface.getByInetAddress(address) != null;
        } catch (SocketException e) {
            return false;
        }
    }

    private static ThreadFactory threadFactory(ServeLog log) {
        AtomicInteger count = new AtomicInteger();
        return work -> {
            Thread thread = new Thread(work, "http-" + count.incrementAndGet());
            thread.setDaemon(true);
            thread.setUncaughtExceptionHandler((ended, e) -> log.once("http", "a request failed", "error", e));
            return thread;
        };
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Answer answer = answer(exchange);
            int size = answer.body().length;
            long ahead = unsent.getAndAdd(size);
            try {
                boolean tooMuch = ahead > 0 && ahead + size > MOST_UNSENT;
                (tooMuch ? Answer.line(503, "too many clients have not read their answer; try again later") : answer)
                        .send(exchange);
            } finally {
                unsent.addAndGet(-size);
            }
        }
        heap.collect();
    }

    private Answer answer(HttpExchange exchange) {
        Optional<Answer> refused = access == null ? Optional.empty() : access.refuse(exchange);
        if (refused.isPresent()) {
            return refused.get();
        }
        Supplier<Answer> route;
        switch (exchange.getRequestURI().getPath()) {
            case "/metrics" -> route = () -> inTurn("scrape", () -> metrics(exchange));
            case "/-/healthy" -> route = () -> Answer.line(200, "healthy");
            case "/-/ready" -> route = this::ready;
            case "/" -> route = () -> inTurn("page", () -> Answer.html(page.get()));
            default -> {
                return Answer.line(404, "not found; metrics are at /metrics");
            }
        }
        String method = exchange.getRequestMethod();
        if (!method.equals("GET") && !method.equals("HEAD")) {
            exchange.getResponseHeaders().set("Allow", "GET, HEAD");
            return Answer.line(405, "only GET and HEAD are allowed");
        }
        return route.get();
    }

    private Answer ready() {
        try {
            return unready.get()
                    .map(reason -> Answer.line(503, "not ready: " + reason))
                    .orElseGet(() -> Answer.line(200, "ready"));
        } catch (RuntimeException e) {
            return Answer.line(503, "not ready: " + describe(e));
        }
    }

    private Answer metrics(HttpExchange exchange) throws IOException {
        refresh.run();
        Collected collected = new Collected(exchange);
        scrapes.handleRequest(collected);
        return collected.answer();
    }

    /** What reads attachments runs for one request at a time. */
    private Answer inTurn(String what, Callable<Answer> make) {
        try {
            if (!turn.tryLock(TURN_SECONDS, TimeUnit.SECONDS)) {
                log.once("turn", "scrapes wait for a slow scrape", "seconds", TURN_SECONDS);
                return Answer.line(503, "another scrape is slow; try again later");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Answer.line(503, "stopping");
        }
        try {
            if (closed) {
                return Answer.line(503, "stopping");
            }
            Answer answer = make.call();
            log.resolved(what, what + "s work again");
            log.resolved("turn", "scrapes no longer wait");
            return answer;
        } catch (Exception | Error e) {
            // Also an Error: the JDK's server would end the thread with a stack trace and let the client wait.
            log.once(
                    what,
                    "a " + what + " failed; the next failures are not logged until a " + what + " succeeds",
                    "error",
                    describe(e));
            return Answer.line(500, what + " failed: " + describe(e));
        } finally {
            turn.unlock();
        }
    }

    /** Its message; its class, too, if it is no RuntimeException or has no message. */
    private static String describe(Throwable e) {
        boolean says = e instanceof RuntimeException && e.getMessage() != null;
        return says ? e.getMessage() : e.toString();
    }
}
