// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.HttpURLConnection;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Debian's Prometheus with a configuration and the rules of deploy/. */
public final class Prometheus implements AutoCloseable {
    private static final Path DEPLOY = Shell.CHECKOUT.resolve("deploy");
    private static final String INTERVAL = "_interval: 15s";
    private static final String JOB = "  - job_name: csumbpf\n";

    /** Whose network namespace Prometheus is in; empty: that of this JVM. */
    private final Optional<Host> host;

    private final int port;
    private final Path log;
    private final Process process;

    /**
     * Scrapes a serve.
     *
     * @param directory for the configuration, the log and, in "data", the stored series
     */
    public Prometheus(ServeProcess serve, Path directory) {
        this(serve, directory, 1);
    }

    /** @param seconds between two scrapes, also the timeout of one */
    public Prometheus(ServeProcess serve, Path directory, int seconds) {
        this(serve, directory, seconds, "");
    }

    /** @param how more lines of the job, each with its newline: scheme, TLS, password */
    public Prometheus(ServeProcess serve, Path directory, int seconds, String how) {
        this(
                Optional.empty(),
                directory,
                shipped(
                        "prometheus/prometheus.yml",
                        Map.of(
                                "127.0.0.1:14789",
                                "127.0.0.1:" + serve.uri("/").getPort(),
                                JOB,
                                JOB + how.indent(4),
                                INTERVAL,
                                "_interval: " + seconds + "s")));
    }

    /** Finds the nodes of a Swarm by its manager a, on whose host it runs, and scrapes the agents of the stack. */
    public Prometheus(Swarm swarm, Path directory, int seconds) {
        this(swarm, directory, seconds, Map.of());
    }

    /**
     * The same with TLS and a password.
     *
     * @param authority the certificate that the agents' certificate is verified by
     */
    public Prometheus(Swarm swarm, Path directory, int seconds, Path authority, Path password) {
        this(
                swarm,
                directory,
                seconds,
                Map.of(
                        "#scheme:", "scheme:",
                        "#tls_config:", "tls_config:",
                        "#basic_auth:", "basic_auth:",
                        "/etc/prometheus/csumbpf.crt", authority.toString(),
                        "/run/secrets/csumbpf_password", password.toString()));
    }

    private Prometheus(Swarm swarm, Path directory, int seconds, Map<String, String> changes) {
        this(Optional.of(swarm.a), directory, shipped("swarm/prometheus.yml", with(changes, swarm, seconds)));
    }

    private static Map<String, String> with(Map<String, String> changes, Swarm swarm, int seconds) {
        Map<String, String> all = new HashMap<>(changes);
        all.put("/var/run/docker.sock", swarm.socket(swarm.a));
        all.put(INTERVAL, "_interval: " + seconds + "s");
        all.put("refresh_interval: 30s", "refresh_interval: " + seconds + "s");
        return all;
    }

    private Prometheus(Optional<Host> host, Path directory, String configuration) {
        String tree = Shell.run(Shell.CHECKOUT.resolve("tests/prometheus/fetch").toString())
                .ok()
                .out()
                .strip();
        Path config = directory.resolve("prometheus.yml");
        log = directory.resolve("log");
        this.host = host;
        try {
            Files.copy(DEPLOY.resolve("prometheus/csumbpf.rules.yml"), directory.resolve("csumbpf.rules.yml"));
            Files.writeString(config, configuration);
            port = freePort();
            String[] command = {
                tree + "/usr/bin/prometheus",
                "--config.file=" + config,
                "--storage.tsdb.path=" + directory.resolve("data"),
                "--web.listen-address=127.0.0.1:" + port
            };
            process = new ProcessBuilder(host.map(on -> on.in(command)).orElse(command))
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A configuration of deploy/, with other texts in it for these. */
    private static String shipped(String name, Map<String, String> changes) {
        try {
            String text = Files.readString(DEPLOY.resolve(name));
            for (Map.Entry<String, String> change : changes.entrySet()) {
                if (!text.contains(change.getKey())) {
                    throw new AssertionError("deploy/" + name + " has no " + change.getKey());
                }
                text = text.replace(change.getKey(), change.getValue());
            }
            return text;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The current values of a query's series; none while Prometheus starts. */
    public List<Double> values(String query) {
        List<Double> values = new ArrayList<>();
        api("query?query=" + URLEncoder.encode(query, StandardCharsets.UTF_8))
                .at("/data/result")
                .forEach(series -> values.add(series.at("/value/1").asDouble()));
        return values;
    }

    /** Waits until the query has exactly one value and that is as wanted. */
    public double await(String query, Duration patience, Predicate<Double> wanted) {
        try {
            return Limit.await(
                            query + " as wanted",
                            patience,
                            () -> values(query),
                            values -> values.size() == 1 && wanted.test(values.get(0)))
                    .get(0);
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "; " + readLog(), e);
        }
    }

    /** The names of the alerts that are pending or firing. */
    public List<String> alerts() {
        return api("alerts").at("/data/alerts").findValuesAsText("alertname");
    }

    /** An answer of Prometheus' HTTP API; an empty object while Prometheus starts. */
    public JsonNode api(String path) {
        String uri = "http://127.0.0.1:" + port + "/api/v1/" + path;
        return host.map(on -> on.call(() -> answer(uri))).orElseGet(() -> answer(uri));
    }

    /** In the calling thread, as the thread's network namespace is the one that counts. */
    private static JsonNode answer(String uri) {
        try {
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(uri).toURL().openConnection();
            boolean starts = connection.getResponseCode() == HttpURLConnection.HTTP_UNAVAILABLE;
            try (InputStream body = starts ? connection.getErrorStream() : connection.getInputStream()) {
                String text = new String(body.readAllBytes(), StandardCharsets.UTF_8);
                return Host.parse(starts ? "{}" : text);
            }
        } catch (ConnectException e) {
            return Host.parse("{}");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String readLog() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
