// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Debian's Prometheus with the configuration and the rules of deploy/. It scrapes a serve once a second. */
public final class Prometheus implements AutoCloseable {
    /** The status while Prometheus starts. */
    private static final int SERVICE_UNAVAILABLE = 503;

    private final HttpClient client = HttpClient.newHttpClient();
    private final int port;
    private final Path log;
    private final Process process;

    /** @param directory for the configuration, the log and, in "data", the stored series */
    public Prometheus(ServeProcess serve, Path directory) {
        this(serve, directory, 1);
    }

    /** @param seconds between two scrapes, also the timeout of one */
    public Prometheus(ServeProcess serve, Path directory, int seconds) {
        this(serve, directory, seconds, "");
    }

    /** @param how more lines of the job, each with its newline: scheme, TLS, password */
    public Prometheus(ServeProcess serve, Path directory, int seconds, String how) {
        String tree = Shell.run(Shell.CHECKOUT.resolve("tests/prometheus/fetch").toString())
                .ok()
                .out()
                .strip();
        Path deploy = Shell.CHECKOUT.resolve("deploy/prometheus");
        Path config = directory.resolve("prometheus.yml");
        log = directory.resolve("log");
        try {
            Files.copy(deploy.resolve("csumbpf.rules.yml"), directory.resolve("csumbpf.rules.yml"));
            String shipped = Files.readString(deploy.resolve("prometheus.yml"));
            String address = "127.0.0.1:14789";
            String interval = "_interval: 15s";
            String job = "  - job_name: csumbpf\n";
            for (String needed : List.of(address, interval, job)) {
                if (!shipped.contains(needed)) {
                    throw new AssertionError("deploy/prometheus/prometheus.yml has no " + needed);
                }
            }
            Files.writeString(
                    config,
                    shipped.replace(address, "127.0.0.1:" + serve.uri("/").getPort())
                            .replace(job, job + how.indent(4))
                            .replace(interval, "_interval: " + seconds + "s"));
            port = freePort();
            process = new ProcessBuilder(
                            tree + "/usr/bin/prometheus",
                            "--config.file=" + config,
                            "--storage.tsdb.path=" + directory.resolve("data"),
                            "--web.listen-address=127.0.0.1:" + port)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
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
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v1/" + path))
                .build();
        try {
            HttpResponse<String> answer = client.send(request, BodyHandlers.ofString());
            return Host.parse(answer.statusCode() == SERVICE_UNAVAILABLE ? "{}" : answer.body());
        } catch (ConnectException e) {
            return Host.parse("{}");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
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
