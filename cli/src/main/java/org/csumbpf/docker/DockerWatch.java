// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Keeps what a Docker engine says up to date: asks it at each of its events, and every 30 seconds. An engine that does
 * not answer is remembered as it was, because it may only be restarting.
 */
public final class DockerWatch implements Runnable {
    private static final String EVENTS = "/events?filters="
            + URLEncoder.encode("{\"type\":[\"daemon\",\"network\",\"node\"]}", StandardCharsets.UTF_8);
    /** Milliseconds between two questions without an event. */
    private static final int PERIOD = 30_000;
    /** Milliseconds after an event: what belongs to it follows at once. */
    private static final int PAUSE = 200;
    /** Milliseconds until an engine is tried again whose connection ended: at first, doubled, at most. */
    private static final int FIRST_RETRY = 1_000;

    private static final int LONGEST_RETRY = 30_000;
    /** Nanoseconds. An engine that sent events for so long allows them, so it is only restarting. */
    private static final long LASTING = 10_000_000_000L;

    private final Path socket;
    private final Runnable changed;
    private final Consumer<Optional<String>> problem;
    private volatile Optional<DockerEngine> engine = Optional.empty();

    /**
     * @param changed is called when the engine says something else than before
     * @param problem is called after each question: why there is no answer; empty: there is one, or no socket
     */
    public DockerWatch(Path socket, Runnable changed, Consumer<Optional<String>> problem) {
        this.socket = socket;
        this.changed = changed;
        this.problem = problem;
    }

    /** What the engine said last; empty: it has never answered. */
    public Optional<DockerEngine> engine() {
        return engine;
    }

    /** Asks once. Takes ten seconds at most. */
    public void ask() {
        if (!Files.exists(socket)) {
            problem.accept(Optional.empty());
            return;
        }
        try {
            Optional<DockerEngine> now = Optional.of(DockerEngine.read(socket));
            problem.accept(Optional.empty());
            if (!now.equals(engine)) {
                engine = now;
                changed.run();
            }
        } catch (IOException | RuntimeException e) {
            problem.accept(Optional.of("Docker at " + socket + ": " + e.getMessage()));
        }
    }

    /** Returns only if the thread is interrupted. */
    @Override
    public void run() {
        try {
            int retry = FIRST_RETRY;
            while (true) {
                boolean there = Files.exists(socket);
                long began = System.nanoTime();
                if (there) {
                    follow();
                }
                if (!there || System.nanoTime() - began > LASTING) {
                    retry = FIRST_RETRY;
                }
                TimeUnit.MILLISECONDS.sleep(retry);
                retry = Math.min(LONGEST_RETRY, 2 * retry);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Asks at each event until the engine ends the connection. */
    private void follow() throws InterruptedException {
        try (DockerSocket events = DockerSocket.events(socket, EVENTS)) {
            do {
                ask(); // after subscribing, so that no change is missed
                boolean happened = events.awaitEvent(PERIOD);
                TimeUnit.MILLISECONDS.sleep(happened ? PAUSE : 0);
            } while (events.drain());
        } catch (IOException e) {
            ask(); // it says what is wrong
        }
    }
}
