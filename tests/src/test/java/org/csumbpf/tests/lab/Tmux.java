// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Predicate;

/** A real terminal with a shell in it, made by a tmux server of the test's own. */
public final class Tmux implements AutoCloseable {
    private static final Duration PATIENCE = Limit.seconds(20);

    private final Path directory;
    private final Path socket;

    public Tmux(int width, int height) {
        try {
            directory = Files.createTempDirectory("tmux");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        socket = directory.resolve("socket");
        tmux(
                "-f",
                "/dev/null",
                "new-session",
                "-d",
                "-x",
                Integer.toString(width),
                "-y",
                Integer.toString(height),
                "env PS1='prompt# ' sh");
        await("a prompt", screen -> screen.contains("prompt#"));
    }

    private String tmux(String... arguments) {
        return Shell.run(Shell.join(new String[] {"env", "LC_ALL=C.UTF-8", "tmux", "-S", socket.toString()}, arguments))
                .ok()
                .out();
    }

    public void type(String line) {
        tmux("send-keys", "-l", line);
        key("Enter");
    }

    /** Presses one key, by tmux's name for it. */
    public void key(String name) {
        tmux("send-keys", name);
    }

    public void resize(int width, int height) {
        tmux("resize-window", "-x", Integer.toString(width), "-y", Integer.toString(height));
    }

    public String screen() {
        return tmux("capture-pane", "-p");
    }

    /** The process that the shell runs. */
    public ProcessHandle foreground() {
        return ProcessHandle.of(Long.parseLong(format("#{pane_pid}")))
                .orElseThrow()
                .children()
                .findFirst()
                .orElseThrow();
    }

    /** Expands a tmux format, which tells the terminal's state. */
    public String format(String format) {
        return tmux("display-message", "-p", format).strip();
    }

    /** Waits for the first screen that fulfils the condition. */
    public String await(String what, Predicate<String> condition) {
        return Limit.await(what + " on the screen", PATIENCE, this::screen, condition);
    }

    @Override
    public void close() {
        tmux("kill-server");
        try {
            Files.deleteIfExists(socket);
            Files.delete(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
