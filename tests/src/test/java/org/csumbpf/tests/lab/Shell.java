// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs commands, the product's own among them. */
public final class Shell {
    public static final Path CHECKOUT = Path.of(System.getProperty("csumbpf.checkout")).normalize();

    private Shell() {}

    /** What a command did. */
    public record Result(int code, String out, String err) {
        public Result ok() {
            assertThat(code).as("exit code; %s%s", out, err).isZero();
            return this;
        }
    }

    public static Result run(String... command) {
        return input("", command);
    }

    public static Result input(String text, String... command) {
        try {
            Path out = Files.createTempFile("out", null);
            Path err = Files.createTempFile("err", null);
            Path in = Files.writeString(Files.createTempFile("in", null), text);
            try {
                Process process = new ProcessBuilder(command)
                        .redirectInput(in.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start();
                int code = process.waitFor();
                return new Result(
                        code,
                        Files.readString(out, StandardCharsets.UTF_8),
                        Files.readString(err, StandardCharsets.UTF_8));
            } finally {
                for (Path file : List.of(out, err, in)) {
                    Files.delete(file);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The installed command. */
    public static String[] csumbpf(String... arguments) {
        List<String> command = new ArrayList<>();
        Path path = CHECKOUT.resolve("bin/csumbpf");
        assertThat(path).as("run 'make build' first").isExecutable();
        command.add(path.toString());
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }
}
