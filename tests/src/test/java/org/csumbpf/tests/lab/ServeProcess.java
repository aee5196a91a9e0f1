// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The installed {@code csumbpf serve} or {@code csumbpf agent}, on a port that the kernel chose unless the arguments name one. */
public final class ServeProcess implements AutoCloseable {
    private static final Duration PATIENCE = Limit.seconds(120);

    private final Path log;
    private final Process process;
    private final HttpClient client = HttpClient.newHttpClient();

    public ServeProcess(Host host, String... arguments) {
        this("serve", host, arguments);
    }

    /** {@code csumbpf agent}, once it has attached where it must. */
    public static ServeProcess agent(Host host, String... arguments) {
        ServeProcess agent = new ServeProcess("agent", host, arguments);
        agent.awaitLog(line -> line.contains("msg=\"ready\""));
        return agent;
    }

    /** @param subcommand serve or agent */
    public ServeProcess(String subcommand, Host host, String... arguments) {
        try {
            log = Files.createTempFile("serve", ".log");
            // Below nohup SIGHUP would be ignored, and the agent does not take that back.
            process = new ProcessBuilder(Shell.join(
                            new String[] {"env", "--default-signal=HUP"},
                            host.command(Shell.join(new String[] {subcommand, "--listen", "127.0.0.1:0"}, arguments))))
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The log so far. */
    public List<String> log() {
        try {
            return Files.readAllLines(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits for a line in the log. */
    public String awaitLog(Predicate<String> wanted) {
        return Limit.await(
                        "such line in serve's log",
                        PATIENCE,
                        this::log,
                        lines -> lines.stream().anyMatch(wanted))
                .stream()
                .filter(wanted)
                .findFirst()
                .orElseThrow();
    }

    public URI uri(String path) {
        Matcher url = Pattern.compile("https?://[^/\" ]*").matcher(awaitLog(line -> line.contains("://")));
        if (!url.find()) {
            throw new AssertionError(log().toString());
        }
        return URI.create(url.group() + path);
    }

    public HttpResponse<String> get(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path)).timeout(PATIENCE);
        if (headers.length > 0) {
            request.headers(headers);
        }
        try {
            return client.send(request.build(), BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The metrics, in Prometheus' text format. */
    public String scrape() {
        HttpResponse<String> response = get("/metrics");
        if (response.statusCode() != 200) {
            throw new AssertionError(response + ": " + response.body());
        }
        return response.body();
    }

    /** The value of the first series with this name and these labels, each {@code a="b"}; NaN: there is none. */
    public double value(String name, String... labels) {
        return valueIn(scrape(), name, labels);
    }

    /** The same of metrics that were scraped. */
    public static double valueIn(String scraped, String name, String... labels) {
        for (String line : scraped.split("\n")) {
            if (line.matches(Pattern.quote(name) + "[{ ].*")
                    && List.of(labels).stream().allMatch(line::contains)) {
                return Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
            }
        }
        return Double.NaN;
    }

    /** Resident memory, kB. */
    public long residentKb() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
                if (line.startsWith("VmRSS:")) {
                    return Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError("no VmRSS");
    }

    /** The targets of the open descriptors. */
    public List<String> descriptors() {
        List<String> open = new ArrayList<>();
        try (DirectoryStream<Path> links = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/fd"))) {
            for (Path link : links) {
                try {
                    open.add(Files.readSymbolicLink(link).toString());
                } catch (NoSuchFileException e) {
                    // closed meanwhile
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return open;
    }

    /** Sends SIGHUP. */
    public void hangUp() {
        Shell.run("kill", "-HUP", Long.toString(process.pid())).ok();
    }

    /** Sends SIGTERM and returns the exit code. */
    public int terminate() {
        process.destroy();
        return exitCode();
    }

    /** Ends it by SIGKILL. */
    public void kill() {
        process.destroyForcibly();
        exitCode();
    }

    /** Waits for the process to end by itself. */
    public int exitCode() {
        try {
            if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new AssertionError("does not end: " + log());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroy();
        exitCode();
        try {
            Files.deleteIfExists(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
