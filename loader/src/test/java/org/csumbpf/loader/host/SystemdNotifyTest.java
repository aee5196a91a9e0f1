// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sends to a Unix datagram socket that python3 opens, because Java has no such sockets. */
class SystemdNotifyTest {
    @TempDir
    Path temp;

    /** Receives datagrams, and prints each in one line as a Python string. */
    private static final class Receiver implements AutoCloseable {
        private final Process process;
        private final BufferedReader lines;

        Receiver(String address) throws IOException {
            process = new ProcessBuilder("python3", "-uc", """
                            import socket, sys
                            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                            s.bind(sys.argv[1].replace('@', chr(0)))
                            print('bound')
                            while True:
                                print(ascii(s.recv(4096).decode()))
                            """, address)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            assertThat(next()).isEqualTo("bound");
        }

        String next() throws IOException {
            return lines.readLine();
        }

        @Override
        public void close() {
            process.destroy();
        }
    }

    @Test
    void toAPath() throws Exception {
        String path = temp.resolve("notify").toString();
        try (Receiver receiver = new Receiver(path)) {
            SystemdNotify systemd = new SystemdNotify(path, false);
            assertThat(systemd.ready("serving on 127.0.0.1:14789")).isTrue();
            assertThat(receiver.next()).isEqualTo("'READY=1\\nSTATUS=serving on 127.0.0.1:14789'");
            assertThat(systemd.status("é\nMAINPID=1")).isTrue();
            assertThat(receiver.next()).isEqualTo("'STATUS=\\xe9 MAINPID=1'");
            assertThat(systemd.alive()).as("nobody watches").isFalse();
            assertThat(new SystemdNotify(path, true).alive()).isTrue();
            assertThat(receiver.next()).isEqualTo("'WATCHDOG=1'");
            assertThat(systemd.stopping()).isTrue();
            assertThat(receiver.next()).isEqualTo("'STOPPING=1'");
        }
    }

    @Test
    void toAnAbstractName() throws Exception {
        String name = "@csumbpf-test-" + ProcessHandle.current().pid();
        try (Receiver receiver = new Receiver(name)) {
            assertThat(new SystemdNotify(name, false).ready("up")).isTrue();
            assertThat(receiver.next()).isEqualTo("'READY=1\\nSTATUS=up'");
        }
    }

    @Test
    void nobodyThereIsNoError() {
        assertThat(new SystemdNotify(null, false).ready("up")).isFalse();
        assertThat(new SystemdNotify("", false).ready("up")).isFalse();
        assertThat(new SystemdNotify(temp.resolve("none").toString(), false).ready("up"))
                .isFalse();
        assertThat(new SystemdNotify("@csumbpf-test-none", false).stopping()).isFalse();
        assertThat(new SystemdNotify("/" + "x".repeat(107), false).stopping()).isFalse();
        assertThat(new SystemdNotify("vsock:2:1234", false).stopping()).isFalse();
    }
}
