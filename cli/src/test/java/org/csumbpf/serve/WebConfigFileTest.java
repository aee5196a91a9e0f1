// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The format is that of Prometheus' exporter-toolkit. */
class WebConfigFileTest {
    private static final Path FILE = Path.of("/etc/x/web.yml");
    private static final String HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze";

    /** The example that Prometheus' documentation has, but for rate_limit. */
    @Test
    void theExampleOfTheToolkit() {
        WebConfig config = WebConfigFile.parse(FILE, """
                # TLS and basic authentication configuration example.
                tls_server_config:
                  cert_file: server.crt
                  key_file: /keys/server.key
                basic_auth_users:
                  alice: %s
                  bob: "%s"
                """.formatted(HASH, HASH));
        WebConfig.Tls tls = config.tls().orElseThrow();
        assertThat(tls.certificate().file()).hasValue(Path.of("/etc/x/server.crt"));
        assertThat(tls.key().file()).hasValue(Path.of("/keys/server.key"));
        assertThat(tls.clientCertificate()).isEqualTo(WebConfig.ClientCertificate.NONE);
        assertThat(tls.protocols()).containsExactly("TLSv1.2", "TLSv1.3");
        assertThat(config.users()).isEqualTo(Map.of("alice", HASH, "bob", HASH));
        assertThat(config.headers()).isEmpty();
    }

    @Test
    void everythingThatIsSupported() {
        WebConfig config = WebConfigFile.parse(FILE, """
                tls_server_config:
                  cert: |
                    some text
                  key: more
                  client_auth_type: RequireAndVerifyClientCert
                  client_ca_file: ca.crt
                  client_allowed_sans: null
                  min_version: TLS13
                  max_version: TLS13
                  prefer_server_cipher_suites: false
                  cipher_suites: [TLS_A, TLS_B]
                http_server_config:
                  http2: true
                  headers:
                    X-Frame-Options: deny
                    X-XSS-Protection: ""
                    Strict-Transport-Security: max-age=60
                basic_auth_users: {}
                """);
        WebConfig.Tls tls = config.tls().orElseThrow();
        assertThat(tls.certificate().read()).isEqualTo("some text\n");
        assertThat(tls.key().file()).isEmpty();
        assertThat(tls.clientCertificate()).isEqualTo(WebConfig.ClientCertificate.REQUIRED);
        assertThat(tls.protocols()).containsExactly("TLSv1.3");
        assertThat(tls.cipherSuites()).isEqualTo(List.of("TLS_A", "TLS_B"));
        assertThat(tls.cipherSuitesLine()).isEqualTo(11);
        assertThat(tls.ownOrder()).isFalse();
        assertThat(config.headers())
                .isEqualTo(Map.of("X-Frame-Options", "deny", "Strict-Transport-Security", "max-age=60"));
        assertThat(config.users()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing", "{}", "tls_server_config:", "tls_server_config: {}\nbasic_auth_users:"})
    void nothingIsPlainHttp(String text) {
        assertThat(WebConfigFile.parse(FILE, text)).isEqualTo(new WebConfig(Optional.empty(), Map.of(), Map.of()));
    }

    static Stream<Arguments> mistakes() {
        String tls = "tls_server_config:\n  cert_file: a\n  key_file: b\n";
        return Stream.of(
                Arguments.of(
                        "tls_server_confg:\n",
                        ":1: unknown key 'tls_server_confg' in the file; did you mean 'tls_server_config'?"),
                Arguments.of(
                        "\nfoo: 1\n",
                        ":2: unknown key 'foo' in the file; known are basic_auth_users, http_server_config, rate_limit,"
                                + " tls_server_config"),
                Arguments.of(
                        tls + "  cert_fil: x\n",
                        ":4: unknown key 'cert_fil' in tls_server_config; did you mean 'cert_file'?"),
                Arguments.of(tls + "  key_file: c\n", ":4: 'key_file' is there twice in tls_server_config"),
                Arguments.of("tls_server_config:\n  cert_file: a\n", ":2: tls_server_config: key_file is missing; add"),
                Arguments.of("tls_server_config:\n  key_file: a\n", ":2: tls_server_config: cert_file is missing; add"),
                Arguments.of(tls + "  cert: x\n", ":4: cert_file and cert are both given; remove one"),
                Arguments.of("tls_server_config: on\n", ":1: tls_server_config is not a list of keys and values"),
                Arguments.of("tls_server_config:\n  cert_file: [a]\n", ":2: 'cert_file' takes one value"),
                Arguments.of(
                        tls + "  client_auth_type: RequireAnyClientCert\n",
                        ":4: client_auth_type: RequireAnyClientCert checks no certificate, so it keeps nobody out; write"
                                + " RequireAndVerifyClientCert, or NoClientCert"),
                Arguments.of(
                        tls + "  client_auth_type: RequestClientCert\n",
                        ":4: client_auth_type: RequestClientCert checks"),
                Arguments.of(
                        tls + "  client_auth_type: RequireAndVerifyClientCerts\n",
                        ":4: client_auth_type: 'RequireAndVerifyClientCerts' is not known; did you mean"
                                + " 'RequireAndVerifyClientCert'? write NoClientCert or"),
                Arguments.of(
                        tls + "  client_auth_type: RequireAndVerifyClientCert\n", ":4: client_ca_file is missing; add"),
                Arguments.of(
                        tls + "  client_ca_file: ca\n",
                        ":4: client_ca_file does nothing without client_auth_type; add 'client_auth_type:"
                                + " RequireAndVerifyClientCert', or remove it"),
                Arguments.of(
                        tls + "  client_allowed_sans: [x]\n",
                        ":4: client_allowed_sans is not supported; remove it, and"),
                Arguments.of(
                        tls + "  curve_preferences: [X25519]\n",
                        ":4: curve_preferences is not supported; remove it, and"),
                Arguments.of(
                        "rate_limit:\n  burst: 1\n", ":1: rate_limit is not supported; remove it: scrapes run one"),
                Arguments.of(
                        tls + "  min_version: TLS10\n",
                        ":4: min_version: TLS10 is broken and not offered; write TLS12"),
                Arguments.of(
                        tls + "  min_version: TLS1.2\n",
                        ":4: min_version: 'TLS1.2' is not known; did you mean 'TLS12'?"),
                Arguments.of(
                        tls + "  min_version: TLS13\n  max_version: TLS12\n", ":4: min_version is above max_version"),
                Arguments.of(tls + "  cipher_suites: TLS_A\n", ":4: 'cipher_suites' takes a list; write"),
                Arguments.of(
                        tls + "  prefer_server_cipher_suites: perhaps\n",
                        ":4: prefer_server_cipher_suites: 'perhaps' is not known; write false or true"),
                Arguments.of(
                        "http_server_config:\n  headers:\n    X-Powered-By: me\n",
                        ":3: unknown key 'X-Powered-By' in headers; known are Content-Security-Policy, "),
                Arguments.of(
                        "http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
                        ":3: X-Frame-Options: 'allow' is not known; write deny or sameorigin"),
                Arguments.of(
                        "http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\r\\nX: y\"\n",
                        ":3: X-XSS-Protection: a header is one line of ASCII"),
                Arguments.of(
                        "basic_auth_users:\n  alice: secret\n",
                        ":2: user 'alice' has no bcrypt hash; make one with 'htpasswd -nBC 10 NAME'"),
                Arguments.of("basic_auth_users:\n  alice:\n", ":2: user 'alice' has no bcrypt hash"),
                Arguments.of(
                        "basic_auth_users:\n  a: " + HASH.replace("$10$", "$16$") + "\n",
                        ":2: user 'a': bcrypt's cost is 16, not 4 to 15; make one"),
                Arguments.of(
                        "basic_auth_users:\n  \"a:b\": " + HASH + "\n",
                        ":2: the name of a user is empty or has a colon"),
                Arguments.of("basic_auth_users: {alice:secret}\n", ":1: the name of a user is empty or has a colon"),
                Arguments.of("basic_auth_users:\n  alice: *secret\n", ":2: is not YAML: found undefined alias"),
                Arguments.of("[".repeat(200_000), "is nested too deeply"),
                Arguments.of(tls + "  cert_file: \"a\\0b\"\n", "is"),
                Arguments.of("basic_auth_users: [a]\n", ":1: basic_auth_users is not a list of keys and values"),
                Arguments.of("- a\n", ":1: the file is not a list of keys and values"),
                Arguments.of("? [a]\n: b\n", ":1: a key of the file is not a word"),
                Arguments.of("basic_auth_users:\n\ta: b\n", ":2: is not YAML: "),
                Arguments.of("basic_auth_users: *x\n", ":1: is not YAML: found undefined alias"),
                Arguments.of("a: 1\n---\nb: 2\n", ":2: is not YAML: "),
                Arguments.of("a: \u0000", "web.yml: is not YAML: "));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void saysWhatIsWrongAndWhere(String text, String message) {
        assertThatThrownBy(() -> WebConfigFile.parse(FILE, text))
                .isInstanceOf(WebConfigException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(FILE.toString())
                .hasMessageNotContaining("secret")
                .extracting(Throwable::getMessage)
                .asString()
                .doesNotContain("\n");
    }

    @Test
    void saysWhichFileCannotBeRead(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("web.yml");
        assertThatThrownBy(() -> WebConfigFile.read(file)).hasMessage(file + ": no such file (ENOENT)");
        assertThatThrownBy(() -> WebConfigFile.read(folder)).hasMessage(folder + ": is not a regular file");
        Files.write(file, new byte[] {'a', ':', ' ', (byte) 0xff});
        assertThatThrownBy(() -> WebConfigFile.read(file)).hasMessage(file + ": is not UTF-8 text");
        Files.writeString(file, "\ufeff{}");
        assertThat(WebConfigFile.read(file).tls()).isEmpty();
        Files.writeString(file, "#".repeat(2 << 20));
        assertThatThrownBy(() -> WebConfigFile.read(file)).hasMessage(file + ": is larger than 1 MiB");
        Files.writeString(file, "\ntls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n");
        assertThatThrownBy(() -> WebAccess.open(file))
                .hasMessage(file + ":3: " + folder.resolve("a.crt")
                        + ": no such file (ENOENT); a relative path begins at the folder of web.yml");
    }
}
