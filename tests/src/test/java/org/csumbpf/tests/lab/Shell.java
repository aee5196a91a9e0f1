// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.csumbpf.cli.Main;

/** Runs commands, also the product's own. */
public final class Shell {
    public static final Path CHECKOUT =
            Path.of(System.getProperty("csumbpf.checkout")).normalize();

    private Shell() {}

    /** The result of a command. */
    public record Result(int code, String out, String err) {
        public Result ok() {
            return ended(0);
        }

        /** @param wanted the exit code that it must have ended with */
        public Result ended(int wanted) {
            if (code != wanted) {
                throw new AssertionError("exit code " + code + " and not " + wanted + ": " + out + err);
            }
            return this;
        }
    }

    public static Result run(String... command) {
        return input("", command);
    }

    public static Result input(String text, String... command) {
        return within(null, text, command);
    }

    /**
     * Runs a command, and kills it if it takes too long.
     *
     * @param limit null: as long as the test may take
     * @throws AssertionError if the command takes longer
     */
    static Result within(Duration limit, String text, String... command) {
        long began = System.nanoTime();
        String result = "did not start";
        String out = "";
        String err = "";
        try {
            Path outFile = Files.createTempFile("out", null);
            Path errFile = Files.createTempFile("err", null);
            Path inFile = Files.writeString(Files.createTempFile("in", null), text);
            Process process = null;
            try {
                process = new ProcessBuilder(command)
                        .redirectInput(inFile.toFile())
                        .redirectOutput(outFile.toFile())
                        .redirectError(errFile.toFile())
                        .start();
                result = "did not end";
                if (limit == null) {
                    process.waitFor();
                } else if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                    throw new AssertionError(
                            "does not end within " + limit.toMillis() + " ms: " + String.join(" ", command));
                }
                int code = process.exitValue();
                result = "exit code " + code;
            } finally {
                if (process != null && process.isAlive()) {
                    process.descendants().forEach(ProcessHandle::destroyForcibly);
                    process.destroyForcibly();
                }
                out = text(outFile);
                err = text(errFile);
                for (Path file : List.of(outFile, errFile, inFile)) {
                    Files.delete(file);
                }
            }
            return new Result(process.exitValue(), out, err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            Case.record(String.join(" ", command), result, out, err, System.nanoTime() - began);
        }
    }

    /** Not {@code readString}: the output of a killed command may end in the middle of a character. */
    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    public static String[] join(String[] first, String... second) {
        String[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /**
     * Runs the product's command in this JVM, for tests where the installed one would take too long: starting a JVM
     * takes half a second, and 4 in an emulated guest. The launcher is not tested then.
     */
    public static Result here(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        long began = System.nanoTime();
        String result = "threw";
        try {
            int code = Main.run(new PrintWriter(out), new PrintWriter(err), arguments);
            result = "exit code " + code;
            return new Result(code, out.toString(), err.toString());
        } finally {
            Case.record(
                    "csumbpf " + String.join(" ", arguments),
                    result + ", in this JVM",
                    out.toString(),
                    err.toString(),
                    System.nanoTime() - began);
        }
    }

    /** The installed command: the one that the environment names in CSUMBPF, else the checkout's own build. */
    public static String[] csumbpf(String... arguments) {
        List<String> command = new ArrayList<>();
        String other = System.getenv("CSUMBPF");
        Path path = other == null || other.isEmpty() ? CHECKOUT.resolve("bin/csumbpf") : Path.of(other);
        if (!Files.isExecutable(path)) {
            throw new AssertionError("no " + path + "; run 'make build' first");
        }
        command.add(path.toString());
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }

    /** Quotes a command for a shell, because the checkout's path may contain a space. */
    public static String line(String... command) {
        return Arrays.stream(command)
                .map(word -> "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
    }
}
