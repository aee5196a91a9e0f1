// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * One request to a Docker engine over its Unix socket. The other end may be anything: time and size of an answer are
 * limited. docker-java would do this, too, but takes 590 ms and 108 MB.
 */
final class DockerSocket implements AutoCloseable {
    private static final int LIMIT_BYTES = 16 << 20;
    private static final long LIMIT_NANOS = 5_000_000_000L;
    private static final int BUFFER_SIZE = 1 << 14;
    /** Most reads of events at a time: they may come faster than they are taken. */
    private static final int MOST_READS = 64;

    private final SocketChannel channel;
    private final Selector selector;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_SIZE);

    private DockerSocket(SocketChannel channel, Selector selector) {
        this.channel = channel;
        this.selector = selector;
    }

    /**
     * The body of the answer to a GET.
     *
     * @throws IOException in words for a user, without the path of the socket
     */
    static String get(Path socket, String path) throws IOException {
        long end = System.nanoTime() + LIMIT_NANOS;
        try (DockerSocket request = send(socket, path, end)) {
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            while (request.read(end)) {
                answer.write(request.buffer.array(), 0, request.buffer.position());
                if (answer.size() > LIMIT_BYTES) {
                    throw new IOException("the answer to " + path + " is longer than " + (LIMIT_BYTES >> 20) + " MB");
                }
            }
            return body(answer.toString(StandardCharsets.UTF_8));
        }
    }

    /**
     * Subscribes to events. An engine that refuses ends the connection.
     *
     * @param path with the filter
     */
    static DockerSocket events(Path socket, String path) throws IOException {
        return send(socket, path, System.nanoTime() + LIMIT_NANOS);
    }

    /** Waits for an event, or for the end of the connection. Returns false if neither comes in time. */
    boolean awaitEvent(long millis) throws IOException {
        selector.selectedKeys().clear();
        return selector.select(millis) > 0;
    }

    /** Takes the events that have come; only that there are some counts. Returns false at the end of the connection. */
    boolean drain() throws IOException {
        int read = 1;
        for (int i = 0; read > 0 && i < MOST_READS; i++) {
            buffer.clear();
            read = channel.read(buffer);
        }
        return read >= 0;
    }

    @Override
    public void close() throws IOException {
        selector.close();
        channel.close();
    }

    private static DockerSocket send(Path socket, String path, long end) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        DockerSocket request;
        try {
            request = new DockerSocket(channel, Selector.open());
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        try {
            channel.configureBlocking(false);
            SelectionKey key = channel.register(request.selector, SelectionKey.OP_WRITE);
            // Of HTTP/1.0 the answer comes in one piece and ends with the connection.
            ByteBuffer out = ByteBuffer.wrap(
                    ("GET " + path + " HTTP/1.0\r\nHost: docker\r\n\r\n").getBytes(StandardCharsets.UTF_8));
            while (out.hasRemaining()) {
                request.await(end);
                channel.write(out);
            }
            key.interestOps(SelectionKey.OP_READ);
            return request;
        } catch (IOException e) {
            request.close();
            throw e;
        }
    }

    /** Returns false at the end. */
    private boolean read(long end) throws IOException {
        await(end);
        buffer.clear();
        return channel.read(buffer) >= 0;
    }

    private void await(long end) throws IOException {
        long left = end - System.nanoTime();
        if (left <= 0 || selector.select(left / 1_000_000 + 1) == 0 && System.nanoTime() >= end) {
            throw new IOException("no answer within " + LIMIT_NANOS / 1_000_000_000 + " s");
        }
        selector.selectedKeys().clear();
    }

    private static String body(String answer) throws IOException {
        int end = answer.indexOf("\r\n\r\n");
        String status = answer.lines().findFirst().orElse("");
        if (end < 0 || !status.matches("HTTP/1\\.[01] 200( .*)?")) {
            throw new IOException("answers '" + status + "'");
        }
        return answer.substring(end + 4);
    }
}
