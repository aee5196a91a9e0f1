// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;

/** Answers on a Unix socket as a Docker engine does, or as none does. The tests of Swarms have real engines. */
public final class FakeDocker implements AutoCloseable {
    private final Path socket;
    private final ServerSocketChannel server;
    private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "docker");
        thread.setDaemon(true);
        return thread;
    });
    private final List<SocketChannel> subscribers = new ArrayList<>();
    private volatile Function<String, String> answers;

    /** @param answers the body of the answer to a path; null: no answer, and the connection stays open */
    public FakeDocker(Path socket, Function<String, String> answers) {
        this.socket = socket;
        this.answers = answers;
        try {
            Files.deleteIfExists(socket);
            server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            server.bind(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::serve);
    }

    /** A node of a Swarm with this address, and without overlay networks. */
    public static FakeDocker ofSwarm(Path socket, String address) {
        return new FakeDocker(socket, path -> answer(address, "[]", path));
    }

    /** The node has another address from now on, and says so. */
    public void move(String address) {
        become(address, "[]");
    }

    /**
     * The engine says something else from now on, and sends an event.
     *
     * @param networks what GET /networks answers
     */
    public void become(String address, String networks) {
        answers = path -> answer(address, networks, path);
        synchronized (subscribers) {
            subscribers.forEach(subscriber -> write(subscriber, "{\"Type\":\"network\",\"Action\":\"create\"}\n"));
        }
    }

    private static String answer(String address, String networks, String path) {
        return path.equals("/info")
                ? "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"" + address + "\"}}"
                : networks;
    }

    private void serve() {
        try {
            while (true) {
                SocketChannel channel = server.accept();
                threads.execute(() -> answer(channel));
            }
        } catch (IOException | RejectedExecutionException e) {
            return; // closed
        }
    }

    private void answer(SocketChannel channel) {
        try (channel) {
            ByteBuffer request = ByteBuffer.allocate(4096);
            channel.read(request);
            String[] words = new String(request.array(), 0, request.position(), StandardCharsets.UTF_8).split(" ");
            String path = words.length > 1 ? words[1] : "";
            String body = path.startsWith("/events") ? "" : answers.apply(path);
            if (body != null) {
                write(channel, "HTTP/1.0 200 OK\r\n\r\n" + body);
            }
            if (path.startsWith("/events")) {
                synchronized (subscribers) {
                    subscribers.add(channel);
                }
            }
            if (body == null || path.startsWith("/events")) {
                channel.read(ByteBuffer.allocate(1)); // until one end goes
            }
        } catch (IOException e) {
            return; // the other end went
        }
    }

    private static void write(SocketChannel channel, String text) {
        try {
            channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            return; // the other end went
        }
    }

    @Override
    public void close() {
        try {
            server.close();
            threads.shutdown();
            synchronized (subscribers) {
                for (SocketChannel subscriber : subscribers) {
                    subscriber.close();
                }
            }
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
