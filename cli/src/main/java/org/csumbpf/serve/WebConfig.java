// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the file of --web-config asks for, in the format of Prometheus' exporters.
 *
 * @param tls empty: plain HTTP
 * @param headers for every answer, by name
 * @param users bcrypt hashes of their passwords, by name; empty: no password is asked for
 */
record WebConfig(Optional<Tls> tls, Map<String, String> headers, Map<String, String> users) {
    /** Whether a client has to have a certificate of the CA. */
    enum ClientCertificate {
        NONE,
        VERIFIED_IF_GIVEN,
        REQUIRED
    }

    /**
     * TLS of the server.
     *
     * @param certificate the chain, the server's own first
     * @param key of that certificate
     * @param clientCertificate what clients have to show
     * @param clientCa who has to have signed it; present unless NONE
     * @param protocols JSSE's names
     * @param cipherSuites for TLS 1.2; empty: the default
     * @param cipherSuitesLine where they are in the file, from 1
     * @param ownOrder whether the server's order of cipher suites counts, not the client's
     */
    record Tls(
            Pem certificate,
            Pem key,
            ClientCertificate clientCertificate,
            Optional<Pem> clientCa,
            List<String> protocols,
            List<String> cipherSuites,
            int cipherSuitesLine,
            boolean ownOrder) {}

    /**
     * PEM text, in a file of its own or in the configuration.
     *
     * @param config the configuration
     * @param line of the configuration that has it or names its file, from 1
     * @param file that has it; empty: text has it
     * @param text empty if a file has it
     */
    record Pem(Path config, int line, Optional<Path> file, String text) {
        /** @throws WebConfigException the file cannot be read */
        String read() {
            return file.map(f -> WebConfigFile.read(f, config, line)).orElse(text);
        }

        /** A mistake in the PEM text. */
        WebConfigException wrong(String problem, String next) {
            return file.map(f -> new WebConfigException(f, 0, problem, next))
                    .orElseGet(() -> new WebConfigException(config, line, problem, next));
        }
    }
}
