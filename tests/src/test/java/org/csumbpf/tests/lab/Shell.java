// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.csumbpf.cli.Main;

/** Runs commands, the product's own among them. */
public final class Shell {
    public static final Path CHECKOUT =
            Path.of(System.getProperty("csumbpf.checkout")).normalize();

    private Shell() {}

    /** What a command did. */
    public record Result(int code, String out, String err) {
        public Result ok() {
            if (code != 0) {
                throw new AssertionError("exit code " + code + ": " + out + err);
            }
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

    public static String[] join(String[] first, String... second) {
        String[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /**
     * The product's command in this JVM, where the installed one would take too long: starting a JVM takes half a
     * second, and 4 in an emulated guest. What it leaves out is the launcher.
     */
    public static Result here(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new PrintWriter(out), new PrintWriter(err), arguments);
        return new Result(code, out.toString(), err.toString());
    }

    /** The installed command. */
    public static String[] csumbpf(String... arguments) {
        List<String> command = new ArrayList<>();
        Path path = CHECKOUT.resolve("bin/csumbpf");
        if (!Files.isExecutable(path)) {
            throw new AssertionError("no " + path + "; run 'make build' first");
        }
        command.add(path.toString());
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }
}
