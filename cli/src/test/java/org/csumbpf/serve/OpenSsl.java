// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Makes keys and certificates in a folder, by the commands that an operator would use. */
final class OpenSsl {
    private final Path folder;

    OpenSsl(Path folder) {
        this.folder = folder;
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    /** A shell command in the folder. */
    void sh(String command) {
        try {
            Process process = new ProcessBuilder(List.of("sh", "-ec", command))
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .start();
            String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new AssertionError(command + ": " + printed);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** NAME.key and NAME.crt, self-signed, for 127.0.0.1. */
    void selfSigned(String name, String keyOptions, int days) {
        sh("openssl req -x509 -nodes -newkey " + keyOptions + " -days " + days + " -subj /CN=" + name
                + " -addext subjectAltName=IP:127.0.0.1 -keyout " + name + ".key -out " + name + ".crt");
    }

    /** NAME.key and NAME.crt, signed by CA.key. */
    void signed(String name, String ca, String extensions) {
        sh("openssl req -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=" + name + " -keyout " + name
                + ".key -out " + name + ".csr; printf '" + extensions + "' >" + name + ".ext; openssl x509 -req -in "
                + name + ".csr -CA " + ca + ".crt -CAkey " + ca + ".key -set_serial 7" + " -days 30 -extfile " + name
                + ".ext -out " + name + ".crt");
    }
}
