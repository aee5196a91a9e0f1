// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.security.crypto.bcrypt.BCrypt;

/** TLS and passwords with real sockets, and certificates of the real openssl. pom.xml sets the time limits shorter. */
@Timeout(60)
class WebAccessTest {
    private static final String EC = "ec -pkeyopt ec_paramgen_curve:P-256";
    private static final String TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
    /** The start of a ClientHello that goes on for 512 bytes. */
    private static final byte[] HALF_HELLO = HexFormat.of().parseHex("1603010200010001fc0303" + "ab".repeat(60));

    @TempDir
    private Path folder;

    private OpenSsl openSsl;
    private final PrometheusMeterRegistry meters =
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM);
    private final AtomicInteger scrapes = new AtomicInteger();
    private final AtomicLong nanos = new AtomicLong();
    private final ByteArrayOutputStream logged = new ByteArrayOutputStream();
    private final ServeLog log =
            new ServeLog(ServeLog.Format.TEXT, new PrintStream(logged, true, StandardCharsets.UTF_8));
    private MetricsServer server;
    private WebAccess access;

    @BeforeEach
    void makeOpenSsl() {
        openSsl = new OpenSsl(folder);
        Gauge.builder("test.scrapes", scrapes, AtomicInteger::get).register(meters);
    }

    @AfterEach
    void close() {
        if (server != null) {
            server.close();
        }
    }

    private void serve(String config) throws IOException {
        write("web.yml", config);
        access = WebAccess.open(folder.resolve("web.yml"), nanos::get);
        server = MetricsServer.start(
                ListenAddress.parse("127.0.0.1:0"),
                meters.getPrometheusRegistry(),
                scrapes::incrementAndGet,
                () -> "page",
                Optional::empty,
                log,
                access);
    }

    private void write(String file, String text) throws IOException {
        Files.writeString(folder.resolve(file), text);
    }

    private void aSecondPasses() {
        nanos.addAndGet(1_000_000_001L);
    }

    private String log() {
        return logged.toString(StandardCharsets.UTF_8);
    }

    private static HttpClient plain() {
        return HttpClient.newHttpClient();
    }

    /** A client that trusts one certificate, and has one of its own unless that is null. */
    private SSLContext trusting(String name, String own) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("ca", certificate(name));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        KeyManager[] keys = null;
        if (own != null) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            openSsl.sh("openssl pkcs12 -export -passout pass:x -inkey " + own + ".key -in " + own + ".crt -out " + own
                    + ".p12");
            try (InputStream in = Files.newInputStream(folder.resolve(own + ".p12"))) {
                store.load(in, new char[] {'x'});
            }
            KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
            factory.init(store, new char[] {'x'});
            keys = factory.getKeyManagers();
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys, trust.getTrustManagers(), null);
        return context;
    }

    private Certificate certificate(String name) throws Exception {
        try (InputStream in = Files.newInputStream(folder.resolve(name + ".crt"))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    private HttpClient client(String trusted, String own) throws Exception {
        return HttpClient.newBuilder().sslContext(trusting(trusted, own)).build();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create((access.usesTls() ? "https" : "http") + "://127.0.0.1:"
                        + server.address().getPort() + path))
                .timeout(Duration.ofSeconds(20));
    }

    private HttpResponse<String> get(HttpClient client, String path) throws Exception {
        return client.send(request(path).build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> get(HttpClient client, String path, String name, String password) throws Exception {
        return client.send(withPassword(path, name, password), BodyHandlers.ofString());
    }

    private HttpRequest withPassword(String path, String name, String password) {
        String both = Base64.getEncoder().encodeToString((name + ":" + password).getBytes(StandardCharsets.UTF_8));
        return request(path).header("Authorization", "Basic " + both).build();
    }

    private String served(HttpClient client) throws Exception {
        HttpResponse<String> response = get(client, "/metrics");
        assertThat(response.statusCode()).isEqualTo(200);
        return response.body();
    }

    @ParameterizedTest
    @CsvSource({
        "ec -pkeyopt ec_paramgen_curve:P-256,",
        "ec -pkeyopt ec_paramgen_curve:P-256, openssl ec -in OLD -out NEW",
        "ec -pkeyopt ec_paramgen_curve:P-384, openssl ecparam -name secp384r1 >NEW; openssl ec -in OLD >>NEW",
        "ec -pkeyopt ec_paramgen_curve:P-521, openssl ec -in OLD -no_public -out NEW",
        "rsa:2048,",
        "rsa:2048, openssl rsa -in OLD -traditional -out NEW",
        "rsa:4096, openssl rsa -in OLD -traditional -text >NEW",
        "ed25519,"
    })
    void servesWithEachKindOfKey(String options, String convert) throws Exception {
        openSsl.selfSigned("server", options, 30);
        if (convert != null) {
            openSsl.sh("mv server.key OLD; " + convert.replace("NEW", "server.key"));
        }
        serve(TLS);
        assertThat(served(client("server", null))).contains("test_scrapes 1.0");
        assertThat(access.notAfter() - System.currentTimeMillis() / 1000.0).isBetween(29 * 86_400.0, 30 * 86_400.0);
        // A stranger to the certificate, and to TLS.
        openSsl.selfSigned("other", EC, 30);
        HttpClient stranger = client("other", null);
        assertThatThrownBy(() -> get(stranger, "/metrics")).isInstanceOf(IOException.class);
        try (Socket socket = Sockets.connect(server)) {
            socket.getOutputStream().write("GET /metrics HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(Sockets.rest(socket)).doesNotContain("200", "test_scrapes");
        }
        assertThat(scrapes).hasValue(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "openssl pkey -in OLD -aes256 -passout pass:x -out server.key | server.key: the private key is encrypted, and"
                        + " nobody is there to type its passphrase; 'openssl pkey -in OLD -out NEW' decrypts it",
                "openssl rsa -in OLD -aes256 -passout pass:x -traditional -out server.key | server.key: the private key is"
                        + " encrypted",
                "cp server.crt server.key | server.key: contains no private key in PEM",
                "true | web.yml:3: FOLDER/server.key: no such file (ENOENT)",
                "mkdir server.key | web.yml:3: FOLDER/server.key: is not a regular file",
                "openssl genrsa -out server.key | server.key: the private key is not the key of the first certificate",
                "openssl genpkey -algorithm ed25519 -out server.key | server.key: the private key is not the key of the first",
                "openssl genpkey -algorithm x25519 -out server.key | server.key: the private key is not",
                "openssl ecparam -name secp256k1 -genkey -noout -out server.key | server.key: the private key is not",
                "openssl dsaparam -genkey -noout 1024 >server.key | server.key: the private key is not understood",
                "sed s/PRIVATE/OPENSSH\\ PRIVATE/ OLD >server.key | server.key: 'OPENSSH PRIVATE KEY' is not a key for TLS",
                "sed 3d OLD >server.key | server.key: the private key is not understood: wanted is RSA, EC or Ed25519",
                "mv OLD server.key; mv server.crt x; sed 3d x >server.crt | server.crt: a certificate is damaged",
                "mv OLD server.key; cp server.key server.crt | server.crt: contains no certificate in PEM",
            })
    void saysWhatIsWrongWithAKeyOrCertificate(String command, String message) throws Exception {
        openSsl.selfSigned("server", "rsa:2048", 30);
        openSsl.sh("mv server.key OLD; " + command);
        assertThatThrownBy(() -> serve(TLS))
                .isInstanceOf(WebConfigException.class)
                .hasMessageContaining("/" + message.replace("FOLDER", folder.toString()))
                .hasMessageStartingWith(folder.toString());
    }

    @Test
    void sendsTheWholeChain() throws Exception {
        openSsl.selfSigned("root", EC, 30);
        openSsl.signed("middle", "root", "basicConstraints=critical,CA:true");
        openSsl.signed("server", "middle", "subjectAltName=IP:127.0.0.1");
        openSsl.sh(
                "openssl x509 -in middle.crt -text >>server.crt; cat server.key >>server.crt; mv server.crt server.key");
        serve(TLS.replace("server.crt", "server.key"));
        served(client("root", null));
    }

    @Test
    void versionsAndCipherSuitesAreAsAskedFor() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        serve(TLS);
        assertThat(handshake("TLSv1.3", null)).isEqualTo("TLS_AES_256_GCM_SHA384");
        assertThat(handshake("TLSv1.2", null)).startsWith("TLS_ECDHE_ECDSA_WITH_AES_256_GCM");
        assertThat(handshake("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"))
                .as("not as good as the default")
                .isNull();
        server.close();

        serve(TLS + "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n");
        assertThat(handshake("TLSv1.2", null)).isEqualTo("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
        assertThat(handshake("TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"))
                .isNull();
        assertThat(handshake("TLSv1.3", null)).startsWith("TLS_");
        server.close();

        serve(TLS + "  min_version: TLS13\n");
        assertThat(handshake("TLSv1.2", null)).isNull();
        assertThat(handshake("TLSv1.3", null)).isNotNull();
        server.close();

        serve(TLS + "  max_version: TLS12\n");
        assertThat(handshake("TLSv1.3", null)).isNull();
        assertThat(handshake("TLSv1.2", null)).isNotNull();
        server.close();

        assertThatThrownBy(() -> serve(TLS + "  cipher_suites:\n  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265\n"))
                .hasMessageEndingWith(
                        "web.yml:4: cipher_suites: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265' is not offered by"
                                + " this Java; did you mean 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'?");
        assertThatThrownBy(() -> serve(TLS + "  cipher_suites: [TLS_RSA_WITH_NULL_SHA256]\n"))
                .hasMessageContaining("'TLS_RSA_WITH_NULL_SHA256' is not offered");
    }

    /** The cipher suite of a handshake with this version, and this suite unless it is null; null: refused. */
    private String handshake(String version, String suite) throws Exception {
        try (Socket tcp = Sockets.connect(server);
                SSLSocket socket = (SSLSocket) trusting("server", null)
                        .getSocketFactory()
                        .createSocket(tcp, "127.0.0.1", server.address().getPort(), true)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setProtocols(new String[] {version});
            if (suite != null) {
                parameters.setCipherSuites(new String[] {suite});
            }
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            return socket.getSession().getCipherSuite();
        } catch (IOException e) {
            return null;
        }
    }

    /** As in Go. A client could ask for any number of them. */
    @Test
    void aSecondHandshakeOnAConnectionIsRefused() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        serve(TLS + "  max_version: TLS12\n");
        try (SSLSocket socket = (SSLSocket) trusting("server", null)
                .getSocketFactory()
                .createSocket(
                        Sockets.connect(server), "127.0.0.1", server.address().getPort(), true)) {
            socket.startHandshake();
            long began = System.nanoTime();
            try {
                socket.startHandshake();
                assertThat(socket.getInputStream().read()).isNegative();
            } catch (IOException e) {
                // it says so in words
            }
            assertThat(System.nanoTime() - began)
                    .as("at once; else the time limit for a request would end it")
                    .isLessThan(TimeUnit.SECONDS.toNanos(2));
        }
    }

    @Test
    void clientsNeedACertificateOfTheCa() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        openSsl.selfSigned("ca", EC, 30);
        openSsl.signed("scraper", "ca", "extendedKeyUsage=clientAuth");
        openSsl.signed("webserver", "ca", "extendedKeyUsage=serverAuth");
        // A CA of the same name, so that the JDK's client does not leave out the certificate.
        openSsl.sh("openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 30 -subj /CN=ca"
                + " -keyout fake.key -out fake.crt");
        openSsl.signed("forger", "fake", "extendedKeyUsage=clientAuth");
        String auth = "  client_ca_file: ca.crt\n  client_auth_type: ";

        serve(TLS + auth + "RequireAndVerifyClientCert\n");
        served(client("server", "scraper"));
        for (String own : new String[] {null, "forger", "webserver"}) {
            HttpClient refused = client("server", own);
            assertThatThrownBy(() -> get(refused, "/-/healthy")).as(own).isInstanceOf(IOException.class);
        }
        server.close();

        serve(TLS + auth + "VerifyClientCertIfGiven\n");
        served(client("server", "scraper"));
        served(client("server", null));
        for (String own : List.of("forger", "webserver")) {
            HttpClient refused = client("server", own);
            assertThatThrownBy(() -> get(refused, "/metrics")).as(own).isInstanceOf(IOException.class);
        }
        assertThat(scrapes).hasValue(3);
    }

    @Test
    void whatChangesIsReadAgain() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        openSsl.selfSigned("next", "rsa:2048", 60);
        serve(TLS);
        HttpClient before = client("server", null);
        served(before);
        double notAfter = access.notAfter();

        openSsl.sh("cp next.crt server.crt");
        served(before); // within a second: nobody looked
        assertThat(log()).isEmpty();
        aSecondPasses();
        served(before); // the key does not fit yet
        assertThat(log())
                .contains("stays as it was: " + folder.resolve("server.key") + ": the private key is not the key of")
                .containsOnlyOnce("\n");
        aSecondPasses();
        served(before);
        assertThat(log()).as("once").containsOnlyOnce("\n");
        assertThat(access.notAfter()).isEqualTo(notAfter);

        openSsl.sh("cp next.key server.key");
        aSecondPasses();
        served(client("next", null));
        assertThat(log().lines()).hasSize(2).last().asString().contains("has changed and is in force");
        assertThat(access.notAfter() - notAfter).isBetween(29 * 86_400.0, 31 * 86_400.0);
        openSsl.sh("cp server.crt new.crt; mv new.crt server.crt");
        aSecondPasses();
        served(client("next", null));
        assertThat(log().lines()).as("a file that is replaced").hasSize(3);

        write("web.yml", TLS + "  min_versio: TLS13\n");
        aSecondPasses();
        assertThat(handshake("TLSv1.2", null)).isNotNull();
        assertThat(log().lines()).hasSize(4).last().asString().contains("web.yml:4: unknown key 'min_versio'");
        write("web.yml", TLS + "  min_version: TLS14\n");
        aSecondPasses();
        assertThat(handshake("TLSv1.2", null)).isNotNull();
        assertThat(log().lines()).as("another mistake").hasSize(5);
        write("web.yml", TLS + "  min_version: TLS13\n");
        aSecondPasses();
        assertThat(handshake("TLSv1.2", null)).isNull();
        assertThat(log().lines()).hasSize(6).last().asString().contains("is in force");

        write("web.yml", "{}\n");
        aSecondPasses();
        served(client("next", null));
        assertThat(log().lines()).hasSize(7).last().asString().contains("TLS is switched on or off by a restart only");
        Files.delete(folder.resolve("web.yml"));
        aSecondPasses();
        served(client("next", null));
        assertThat(log().lines()).hasSize(8).last().asString().contains("web.yml: no such file");
    }

    @Test
    void passwordsAreAskedForEverywhere() throws Exception {
        serve("""
                basic_auth_users:
                  alice: %s
                  "jürgen": %s
                http_server_config:
                  headers:
                    X-Content-Type-Options: nosniff
                """.formatted(hash("s:e c", 4), hash("ü", 4)));
        for (String path : List.of("/metrics", "/-/healthy", "/-/ready", "/", "/nothing")) {
            HttpResponse<String> refused = get(plain(), path);
            assertThat(refused.statusCode()).as(path).isEqualTo(401);
            assertThat(refused.headers().firstValue("WWW-Authenticate"))
                    .hasValue("Basic realm=\"csumbpf\", charset=\"UTF-8\"");
            assertThat(refused.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
            HttpResponse<String> right = get(plain(), path, "alice", "s:e c");
            assertThat(right.statusCode()).as(path).isEqualTo(path.equals("/nothing") ? 404 : 200);
            assertThat(right.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
        }
        assertThat(get(plain(), "/", "jürgen", "ü").statusCode()).isEqualTo(200);
        assertThat(get(plain(), "/", "alice", "ü").statusCode()).isEqualTo(401);
        assertThat(get(plain(), "/", "jürgen", "s:e c").statusCode()).isEqualTo(401);
        assertThat(get(plain(), "/", "mallory", "s:e c").statusCode()).isEqualTo(401);
        assertThat(get(plain(), "/", "", "").statusCode()).isEqualTo(401);
        assertThat(get(plain(), "/", "alice", "x".repeat(5000)).statusCode()).isEqualTo(401);
        for (String header : List.of("Basic", "Basic !", "Basic YWxpY2U=", "Bearer x", "basic Og==", " ")) {
            assertThat(plain().send(request("/").header("Authorization", header).build(), BodyHandlers.ofString())
                            .statusCode())
                    .as(header)
                    .isEqualTo(401);
        }
        assertThat(scrapes).hasValue(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"$2a$", "$2b$", "$2y$"})
    void hashesOfEachMake(String make) throws Exception {
        serve("basic_auth_users:\n  a: " + hash("x", 4).replace("$2a$", make) + "\n");
        assertThat(get(plain(), "/", "a", "x").statusCode()).isEqualTo(200);
        assertThat(get(plain(), "/", "a", "y").statusCode()).isEqualTo(401);
    }

    private static String hash(String password, int cost) {
        return BCrypt.hashpw(password, BCrypt.gensalt(cost));
    }

    @Test
    void anAddressBeyondThisHostIsWarnedOf() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        assertThat(warning("127.0.0.2", null)).isEmpty();
        assertThat(warning("::1", null)).isEmpty();
        assertThat(warning("0.0.0.0", null))
                .endsWith(
                        "level=warn msg=\"whoever reaches this address can read the metrics; --web-config FILE adds TLS"
                                + " and passwords\" address=0.0.0.0:9\n");
        assertThat(warning("192.0.2.1", "{}")).contains("whoever reaches this address");
        assertThat(warning("2001:db8::1", "basic_auth_users:\n  a: " + hash("x", 4)))
                .contains("passwords and metrics are sent unencrypted; add tls_server_config")
                .containsOnlyOnce("\n");
        assertThat(warning("192.0.2.1", TLS)).isEmpty();
    }

    /** @param config null: none */
    private String warning(String address, String config) throws IOException {
        logged.reset();
        Optional<WebAccess> given = Optional.empty();
        if (config != null) {
            write("web.yml", config);
            given = Optional.of(WebAccess.open(folder.resolve("web.yml")));
        }
        Serve.warnOfStrangers(new InetSocketAddress(address, 9), given, log);
        return log();
    }

    @Test
    void aUserWhoIsRemovedIsOutAtOnce() throws Exception {
        serve("basic_auth_users:\n  a: " + hash("x", 4) + "\n  b: " + hash("x", 4) + "\n");
        HttpClient kept = plain();
        assertThat(get(kept, "/", "a", "x").statusCode()).isEqualTo(200);
        write("web.yml", "basic_auth_users:\n  b: " + hash("x", 4) + "\n");
        aSecondPasses();
        assertThat(get(kept, "/", "a", "x").statusCode()).isEqualTo(401);
        write("web.yml", "basic_auth_users:\n  a: " + hash("y", 4) + "\n");
        aSecondPasses();
        assertThat(get(kept, "/", "a", "x").statusCode()).as("another password").isEqualTo(401);
        assertThat(get(kept, "/", "a", "y").statusCode()).isEqualTo(200);
        // An editor may empty the file before it writes it.
        write("web.yml", "");
        aSecondPasses();
        assertThat(get(kept, "/", "b", "x").statusCode())
                .as("nobody is let in meanwhile")
                .isEqualTo(401);
        assertThat(get(kept, "/", "a", "y").statusCode()).isEqualTo(200);
    }

    @Test
    void aPasswordCostsOneBcryptAndAnUnknownNameToo() throws Exception {
        String slow = hash("x", 12);
        serve("basic_auth_users:\n  a: " + hash("x", 4) + "\n  z: " + slow + "\n");
        long began = System.nanoTime();
        BCrypt.checkpw("y", slow);
        long bcrypt = System.nanoTime() - began;
        assertThat(nanosOf("z", "x", 200)).isGreaterThan(bcrypt / 2);
        for (int i = 0; i < 3; i++) {
            assertThat(nanosOf("z", "x", 200)).as("remembered").isLessThan(bcrypt / 2);
        }
        assertThat(nanosOf("nobody", "x", 401)).isGreaterThan(bcrypt);
    }

    private long nanosOf(String name, String password, int status) throws Exception {
        long began = System.nanoTime();
        assertThat(get(plain(), "/", name, password).statusCode()).isEqualTo(status);
        return System.nanoTime() - began;
    }

    @Test
    void aFloodOfWrongPasswordsHoldsUpNobodyWhoIsKnown() throws Exception {
        serve("basic_auth_users:\n  a: " + hash("x", 10) + "\n");
        assertThat(get(plain(), "/", "a", "x").statusCode()).isEqualTo(200);
        HttpClient flood = plain();
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            answers.add(flood.sendAsync(withPassword("/", "a", "wrong " + i), BodyHandlers.ofString())
                    .thenApply(HttpResponse::statusCode));
        }
        for (int i = 0; i < 5; i++) {
            assertThat(nanosOf("a", "x", 200)).isLessThan(TimeUnit.SECONDS.toNanos(2));
        }
        List<Integer> codes = new ArrayList<>();
        for (CompletableFuture<Integer> answer : answers) {
            codes.add(answer.get(20, TimeUnit.SECONDS));
        }
        assertThat(codes).containsOnly(401, 503);
        assertThat(codes.stream().filter(code -> code == 401)).as("bcrypts").hasSizeBetween(1, 50);
    }

    @Test
    void clientsThatStallInTheHandshakeAreGivenUpAndHoldUpNobody() throws Exception {
        openSsl.selfSigned("server", EC, 30);
        serve(TLS);
        List<Socket> stalled = new ArrayList<>();
        try {
            for (int i = 0; i < 130; i++) {
                stalled.add(Sockets.connect(server));
                Socket half = Sockets.connect(server);
                half.getOutputStream().write(HALF_HELLO);
                stalled.add(half);
                SSLSocket silent = (SSLSocket) trusting("server", null)
                        .getSocketFactory()
                        .createSocket(
                                Sockets.connect(server),
                                "127.0.0.1",
                                server.address().getPort(),
                                true);
                if (i < 30) {
                    silent.startHandshake();
                    stalled.add(silent);
                } else {
                    silent.close();
                }
            }
            for (int i = 0; i < 5; i++) {
                long began = System.nanoTime();
                served(client("server", null));
                assertThat(System.nanoTime() - began).isLessThan(TimeUnit.SECONDS.toNanos(2));
            }
            for (Socket socket : stalled) {
                assertThat(Sockets.rest(socket)).doesNotContain(" 200 ");
            }
            served(client("server", null));
        } finally {
            for (Socket socket : stalled) {
                socket.close();
            }
        }
    }
}
