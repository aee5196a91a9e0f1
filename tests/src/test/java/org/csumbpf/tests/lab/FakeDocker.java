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
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Answers on a Unix socket as a Docker engine does, or as none does. The tests of Swarms have real engines. */
public final class FakeDocker implements AutoCloseable {
    private final Path socket;
    private final ServerSocketChannel server;
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
        CompletableFuture.runAsync(this::serve);
    }

    /** A node of a Swarm with this address, and without overlay networks. */
    public static FakeDocker ofSwarm(Path socket, String address) {
        return new FakeDocker(socket, path -> info(address, path));
    }

    /** The node has another address from now on. */
    public void move(String address) {
        answers = path -> info(address, path);
    }

    /** A node of a Swarm with this address, and an overlay network of each name with the VNI. */
    public static FakeDocker ofSwarm(Path socket, String address, Map<String, Integer> networks) {
        return new FakeDocker(socket, path -> path.equals("/info") ? info(address, path) : networks(networks));
    }

    private static String networks(Map<String, Integer> networks) {
        return networks.entrySet().stream()
                .map(network -> "{\"Name\":\"" + network.getKey()
                        + "\",\"Options\":{\"encrypted\":\"\",\"com.docker.network.driver.overlay.vxlanid_list\":\""
                        + network.getValue() + "\"}}")
                .collect(Collectors.joining(",", "[", "]"));
    }

    private static String info(String address, String path) {
        return path.equals("/info")
                ? "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"" + address + "\"}}"
                : "[]";
    }

    private void serve() {
        try {
            while (true) {
                try (SocketChannel channel = server.accept()) {
                    ByteBuffer request = ByteBuffer.allocate(4096);
                    channel.read(request);
                    String[] words =
                            new String(request.array(), 0, request.position(), StandardCharsets.UTF_8).split(" ");
                    String body = words.length > 1 ? answers.apply(words[1]) : "";
                    if (body == null) {
                        channel.read(ByteBuffer.allocate(1)); // until the other end goes
                    } else {
                        channel.write(
                                ByteBuffer.wrap(("HTTP/1.0 200 OK\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8)));
                    }
                }
            }
        } catch (IOException e) {
            return; // closed
        }
    }

    @Override
    public void close() {
        try {
            server.close();
            Files.deleteIfExists(socket);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
