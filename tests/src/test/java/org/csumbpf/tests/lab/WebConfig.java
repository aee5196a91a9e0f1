// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file for --web-config with TLS and a password, as docs/metrics.md has it, with the certificate of the real openssl.
 *
 * @param file the configuration
 * @param key of the certificate
 * @param certificate signed by itself
 */
public record WebConfig(Path file, Path key, Path certificate) {
    /** That of the user "prometheus". */
    public static final String PASSWORD = "secret";

    /**
     * Writes web.yml, server.key and server.crt.
     *
     * @param subjectAltName who the certificate is for: "IP:127.0.0.1", "DNS:csumbpf"
     */
    public static WebConfig make(Path directory, String subjectAltName) throws IOException {
        Shell.run(
                        "sh",
                        "-c",
                        "cd " + directory
                                + " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
                                + " -subj /CN=x -addext subjectAltName=" + subjectAltName
                                + " -keyout server.key -out server.crt")
                .ok();
        // bcrypt of the password
        Path file = Files.writeString(directory.resolve("web.yml"), """
                tls_server_config: {cert_file: server.crt, key_file: server.key}
                basic_auth_users:
                  prometheus: $2a$10$4BadNoe4PWXeyBmsbQz0TOgDdr8MUP7vi0lqfnV5YoClfFGHrl7Jy
                """);
        return new WebConfig(file, directory.resolve("server.key"), directory.resolve("server.crt"));
    }
}
