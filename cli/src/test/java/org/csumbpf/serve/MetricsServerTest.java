// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachException.Kind;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Uses real sockets. pom.xml sets the JDK's time limits shorter: 3 s for a request, 4 s for its answer. */
@Timeout(30)
class MetricsServerTest {
    private static final int SERIES = 200;

    private final PrometheusMeterRegistry meters =
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM);
    /** The number of refreshes. All series of the registry have this value. */
    private final AtomicInteger generation = new AtomicInteger();

    private final AtomicReference<Runnable> work = new AtomicReference<>(() -> {});
    private final AtomicReference<Supplier<Optional<String>>> unready = new AtomicReference<>(Optional::empty);
    private final ByteArrayOutputStream logged = new ByteArrayOutputStream();
    private final PrintStream standardError = System.err;
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final HttpClient client = HttpClient.newHttpClient();
    private final MetricsServer server;

    MetricsServerTest() {
        for (int i = 0; i < SERIES; i++) {
            Gauge.builder("test.generation", generation, AtomicInteger::get)
                    .tag("series", Integer.toString(i))
                    .register(meters);
        }
        FunctionCounter.builder("test.packets", generation, AtomicInteger::get).register(meters);
        System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
        server = start("127.0.0.1:0");
    }

    private MetricsServer start(String listen) {
        return MetricsServer.start(
                ListenAddress.parse(listen),
                meters.getPrometheusRegistry(),
                () -> {
                    work.get().run();
                    generation.incrementAndGet();
                },
                () -> "page of " + generation,
                () -> unready.get().get(),
                new ServeLog(ServeLog.Format.TEXT, new PrintStream(logged, true, StandardCharsets.UTF_8)),
                null);
    }

    @AfterEach
    void nothingWasPrinted() {
        server.close();
        System.setErr(standardError);
        assertThat(printed.toString(StandardCharsets.UTF_8)).isEmpty();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + server.address().getPort() + path))
                .timeout(Duration.ofSeconds(10));
    }

    private HttpResponse<String> get(String path, String... headers) throws Exception {
        HttpRequest.Builder request = request(path);
        return client.send(
                (headers.length == 0 ? request : request.headers(headers)).build(),
                BodyHandlers.ofString(StandardCharsets.UTF_8));
    }

    private static Socket send(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        return socket;
    }

    private void answersSoon() throws Exception {
        long start = System.nanoTime();
        assertThat(get("/metrics?name%5B%5D=test_packets_total").body()).contains("\ntest_packets_total ");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    }

    private String log() {
        return logged.toString(StandardCharsets.UTF_8);
    }

    @Test
    void servesTheFormatThatIsAskedFor() throws Exception {
        HttpResponse<String> text = get("/metrics");
        assertThat(text.statusCode()).isEqualTo(200);
        assertThat(text.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("text/plain; version=0.0.4"));
        assertThat(text.body())
                .contains("# TYPE test_packets_total counter", "test_packets_total 1.0")
                .doesNotContain("# EOF");

        HttpResponse<String> open = get("/metrics", "Accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
        assertThat(open.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("application/openmetrics-text; version=1.0.0"));
        assertThat(open.body())
                .contains("# TYPE test_packets counter", "test_packets_total 2.0")
                .endsWith("# EOF\n");

        HttpResponse<String> protobuf = get(
                "/metrics",
                "Accept",
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited");
        assertThat(protobuf.headers().firstValue("Content-Type"))
                .hasValueSatisfying(type -> assertThat(type).startsWith("application/vnd.google.protobuf"));
        assertThat(protobuf.body()).contains("test_packets_total").doesNotContain("# TYPE");

        assertThat(get("/metrics?name%5B%5D=test_packets_total").body())
                .contains("test_packets_total 4.0")
                .doesNotContain("test_generation");
    }

    @Test
    void compressesWhereThatIsAccepted() throws Exception {
        HttpResponse<byte[]> response = client.send(
                request("/metrics").header("Accept-Encoding", "gzip").build(), BodyHandlers.ofByteArray());
        assertThat(response.headers().firstValue("Content-Encoding")).hasValue("gzip");
        assertThat(response.headers().firstValueAsLong("Content-Length")).hasValue(response.body().length);
        try (InputStream plain = new GZIPInputStream(new ByteArrayInputStream(response.body()))) {
            assertThat(new String(plain.readAllBytes(), StandardCharsets.UTF_8)).contains("test_packets_total 1.0");
        }
    }

    /** The server keeps every answer compressed. */
    @Test
    void whoDoesNotAcceptGzipGetsTheSamePlain() throws Exception {
        for (String[] headers :
                new String[][] {{}, {"Accept-Encoding", "identity"}, {"Accept-Encoding", "br, deflate"}}) {
            HttpResponse<String> response = get("/metrics", headers);
            assertThat(response.headers().firstValue("Content-Encoding")).isEmpty();
            assertThat(response.headers().firstValueAsLong("Content-Length"))
                    .hasValue(response.body().getBytes(StandardCharsets.UTF_8).length);
            assertThat(response.body().lines().filter(line -> line.startsWith("test_generation{")))
                    .hasSize(SERIES);
        }
        HttpResponse<byte[]> response = client.send(
                request("/metrics").header("Accept-Encoding", "br, GZIP").build(), BodyHandlers.ofByteArray());
        assertThat(response.headers().firstValue("Content-Encoding")).hasValue("gzip");
    }

    @Test
    void headIsGetWithoutTheBody() throws Exception {
        for (String path : List.of("/metrics", "/", "/-/healthy")) {
            HttpResponse<String> get = get(path);
            HttpResponse<String> head = client.send(
                    request(path)
                            .method("HEAD", HttpRequest.BodyPublishers.noBody())
                            .build(),
                    BodyHandlers.ofString());
            assertThat(head.statusCode()).isEqualTo(200);
            assertThat(head.body()).isEmpty();
            assertThat(head.headers().firstValue("Content-Type"))
                    .isEqualTo(get.headers().firstValue("Content-Type"));
            assertThat(head.headers().firstValue("Content-Length"))
                    .isEqualTo(get.headers().firstValue("Content-Length"))
                    .isPresent();
        }
    }

    @Test
    void otherPathsAndMethodsAreRefused() throws Exception {
        assertThat(get("/").body()).startsWith("page of ");
        for (String path : List.of("/metrics/", "/metricsx", "/favicon.ico", "//metrics", "/-/", "/%00")) {
            assertThat(get(path).statusCode()).as(path).isEqualTo(404);
        }
        for (String method : List.of("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "get")) {
            HttpResponse<String> response = client.send(
                    request("/metrics")
                            .method(method, HttpRequest.BodyPublishers.ofString("x=1"))
                            .build(),
                    BodyHandlers.ofString());
            assertThat(response.statusCode()).as(method).isEqualTo(405);
            assertThat(response.headers().firstValue("Allow")).hasValue("GET, HEAD");
        }
        assertThat(generation).hasValue(0);
    }

    @Test
    void saysWhyItIsNotReady() throws Exception {
        assertThat(get("/-/ready").statusCode()).isEqualTo(200);
        unready.set(() -> Optional.of("bpffs is\nnot mounted"));
        HttpResponse<String> response = get("/-/ready");
        assertThat(response.statusCode()).isEqualTo(503);
        assertThat(response.body()).isEqualTo("not ready: bpffs is not mounted\n");
        assertThat(get("/-/healthy").statusCode()).isEqualTo(200);
        unready.set(() -> {
            throw new IllegalStateException("no idea");
        });
        assertThat(get("/-/ready").body()).isEqualTo("not ready: no idea\n");
    }

    @Test
    void aFailingRefreshIsReportedToEachScraperAndOnceToTheLog() throws Exception {
        for (Throwable failure :
                List.of(new IllegalStateException("read map 'rules':\nEPERM"), new LinkageError("x"))) {
            logged.reset();
            work.set(() -> MetricsServerTest.<RuntimeException>sneak(failure));
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> response = get("/metrics");
                assertThat(response.statusCode()).isEqualTo(500);
                assertThat(response.body())
                        .startsWith("scrape failed: ")
                        .containsOnlyOnce("\n")
                        .endsWith("\n");
            }
            assertThat(log()).contains("a scrape failed").containsOnlyOnce("\n");
            work.set(() -> {});
            assertThat(get("/metrics").statusCode()).isEqualTo(200);
            assertThat(get("/metrics").statusCode()).isEqualTo(200);
            assertThat(log().lines()).hasSize(2).last().asString().contains("scrapes work again");
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable failure) throws T {
        throw (T) failure;
    }

    @Test
    void fiftyAtOnceEachGetOneWholeSnapshotOfTheirOwn() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        work.set(() -> {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            sleep(5);
            inside.decrementAndGet();
        });
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            answers.add(client.sendAsync(request("/metrics").build(), BodyHandlers.ofString()));
        }
        Pattern value = Pattern.compile("^test_generation\\{.*} (.*)$", Pattern.MULTILINE);
        List<String> generations = new ArrayList<>();
        for (CompletableFuture<HttpResponse<String>> answer : answers) {
            HttpResponse<String> response = answer.get(10, TimeUnit.SECONDS);
            assertThat(response.statusCode()).isEqualTo(200);
            Matcher matcher = value.matcher(response.body());
            List<String> values =
                    matcher.results().map(result -> result.group(1)).toList();
            assertThat(values).hasSize(SERIES).containsOnly(values.get(0));
            generations.add(values.get(0));
        }
        assertThat(generations).doesNotHaveDuplicates();
        assertThat(most).hasValue(1);
    }

    @Test
    void keepsAConnection() throws Exception {
        try (Socket socket = Sockets.connect(server)) {
            InputStream in = socket.getInputStream();
            for (int i = 0; i < 5; i++) {
                send(socket, "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n");
                StringBuilder answer = new StringBuilder();
                while (answer.indexOf("\r\n\r\nhealthy\n") < 0) {
                    int c = in.read();
                    assertThat(c).as("after " + answer).isNotNegative();
                    answer.append((char) c);
                }
                assertThat(answer).startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void garbageIsRefusedOrCutOff() throws Exception {
        String manyHeaders =
                IntStream.range(0, 200).mapToObj(i -> "X" + i + ": x\r\n").collect(Collectors.joining());
        assertThat(Sockets.rest(send(Sockets.connect(server), "\u0016\u0003\u0001 TLS?\r\n\r\n")))
                .doesNotContain(" 200 ");
        assertThat(Sockets.rest(send(Sockets.connect(server), "nonsense\r\n\r\n")))
                .startsWith("HTTP/1.1 400");
        assertThat(Sockets.rest(send(Sockets.connect(server), "GET /metrics?%zz HTTP/1.1\r\n\r\n")))
                .startsWith("HTTP/1.1 400");
        assertThat(Sockets.rest(send(Sockets.connect(server), "GET mailto:x HTTP/1.1\r\n\r\n")))
                .doesNotContain(" 200 ");
        assertThat(Sockets.rest(send(Sockets.connect(server), "OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n")))
                .startsWith("HTTP/1.1 404");
        assertThat(Sockets.rest(send(Sockets.connect(server), "GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n")))
                .doesNotContain(" 200 ");
        assertThat(Sockets.rest(send(Sockets.connect(server), "\u0000\u00ff".repeat(20_000))))
                .doesNotContain(" 200 ");
        assertThat(Sockets.rest(send(
                        Sockets.connect(server), "GET /metrics HTTP/1.1\r\nX: " + "x".repeat(20_000) + "\r\n\r\n")))
                .doesNotContain(" 200 ");
        assertThat(Sockets.rest(send(Sockets.connect(server), "GET /metrics HTTP/1.1\r\n" + manyHeaders + "\r\n")))
                .doesNotContain(" 200 ");
        assertThat(generation).hasValue(0);
        answersSoon();
    }

    @Test
    void clientsThatStallAreGivenUpAndHoldUpNobody() throws Exception {
        // More than fits in the socket buffers: 4 MB at most of the server, and little of a client with a small one.
        Gauge.builder("test.large", () -> 1).description("x".repeat(5_000_000)).register(meters);
        List<Socket> stalled = new ArrayList<>();
        try {
            for (int i = 0; i < 150; i++) {
                stalled.add(Sockets.connect(server));
                stalled.add(send(Sockets.connect(server), "GET /metr"));
            }
            stalled.add(send(Sockets.connect(server), "GET /metrics HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx"));
            List<Socket> readers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                Socket reader = new Socket();
                reader.setSoTimeout(10_000);
                reader.setReceiveBufferSize(4096);
                reader.connect(server.address());
                readers.add(send(reader, "GET /metrics HTTP/1.1\r\n\r\n"));
            }
            stalled.addAll(readers);
            while (generation.get() < readers.size()) {
                sleep(10);
            }
            get("/metrics"); // its turn comes after the readers, so their answers are collected now
            for (int i = 0; i < 5; i++) {
                answersSoon();
                sleep(100);
            }
            for (Socket reader : readers) { // read late, else they would get the whole answer
                sleep(reader == readers.get(0) ? 5500 : 0);
                assertThat(Sockets.rest(reader).length()).isLessThan(5_000_000);
            }
            for (Socket socket : stalled.subList(0, 300)) {
                assertThat(Sockets.rest(socket)).doesNotContain(" 200 ");
            }
            answersSoon();
        } finally {
            for (Socket socket : stalled) {
                socket.close();
            }
        }
    }

    @Test
    void aSlowReaderGetsAllIfItIsNotTooSlow() throws Exception {
        Gauge.builder("test.large", () -> 1).description("x".repeat(3_000_000)).register(meters);
        try (Socket socket = send(Sockets.connect(server), "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")) {
            byte[] buffer = new byte[1 << 16];
            long total = 0;
            for (int n = 0; n >= 0; n = socket.getInputStream().read(buffer)) {
                total += n;
                sleep(5);
            }
            assertThat(total).isGreaterThan(3_000_000);
        }
    }

    @Test
    void saysWhatIsWrongWithAnAddress() {
        String taken = "127.0.0.1:" + server.address().getPort();
        assertThatThrownBy(() -> start(taken))
                .isInstanceOfSatisfying(
                        AttachException.class, e -> assertThat(e.kind()).isEqualTo(Kind.UNSUPPORTED_HOST))
                .hasMessage(
                        "listen on " + taken
                                + " failed: Address already in use; is another csumbpf serve running? choose another port with --listen");
        assertThatThrownBy(() -> start("192.0.2.1:14789"))
                .isInstanceOf(AttachException.class)
                .hasMessage("listen on 192.0.2.1:14789 failed: Cannot assign requested address; give --listen an"
                        + " address of this host ('ip address' lists them), or ':14789' for all");
        assertThatThrownBy(() -> start("no-such-host.invalid:14789"))
                .isInstanceOf(AttachException.class)
                .hasMessage(
                        "listen on no-such-host.invalid:14789 failed:"
                                + " 'no-such-host.invalid' has no known address; give --listen an address of this host ('ip address' lists them)");
    }

    @Test
    void noRefreshBeginsOrRunsAfterItIsClosed() throws Exception {
        CountDownLatch began = new CountDownLatch(1);
        work.set(() -> {
            began.countDown();
            sleep(300);
        });
        CompletableFuture<HttpResponse<String>> cut =
                client.sendAsync(request("/metrics").build(), BodyHandlers.ofString());
        CompletableFuture<HttpResponse<String>> queued =
                client.sendAsync(request("/metrics").build(), BodyHandlers.ofString());
        assertThat(began.await(5, TimeUnit.SECONDS)).isTrue();
        server.close();
        assertThat(generation).hasValue(1);
        assertThat(cut).failsWithin(Duration.ofSeconds(5));
        assertThat(queued).failsWithin(Duration.ofSeconds(5));
        sleep(400);
        assertThat(generation).hasValue(1);
        assertThat(log()).isEmpty();
    }

    @Test
    void limitsThatTheUserHasSetStay() {
        Properties properties = new Properties();
        properties.setProperty("sun.net.httpserver.maxReqTime", "77");
        MetricsServer.setLimits(properties);
        assertThat(properties)
                .containsEntry("sun.net.httpserver.maxReqTime", "77")
                .containsEntry("sun.net.httpserver.maxRspTime", "10")
                .containsEntry("jdk.httpserver.maxConnections", "512");
        assertThat(System.getProperty("jdk.httpserver.maxConnections")).isEqualTo("512");
    }

    private static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
