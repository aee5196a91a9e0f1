// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of an engine, and of what is none. SwarmTest asks real ones. */
@Timeout(30)
class DockerEngineTest {
    private static final String INFO = """
            {"ServerVersion":"28.5.2","Swarm":{"NodeID":"x","NodeAddr":"203.0.113.10","LocalNodeState":"active",
             "RemoteManagers":[{"NodeID":"x","Addr":"203.0.113.2:2377"},{"NodeID":"y","Addr":"[2001:db8::2]:2377"}],
             "Cluster":{"DataPathPort":4790}}}""";
    private static final String NETWORKS = """
            [{"Name":"backend","Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097,4098","encrypted":""}},
             {"Name":"front","Options":{"com.docker.network.driver.overlay.vxlanid_list":"4099"}},
             {"Name":"off","Options":{"com.docker.network.driver.overlay.vxlanid_list":"4100","encrypted":"false"}},
             {"Name":"new","Options":null}]""";

    @TempDir
    private Path folder;

    @Test
    void whatAnEngineSays() throws Exception {
        DockerEngine engine = read(path -> ok(path.equals("/info") ? INFO : NETWORKS));
        assertThat(engine.swarm()).isTrue();
        assertThat(engine.address()).contains(InetAddress.getByName("203.0.113.10"));
        assertThat(engine.managers())
                .containsExactly(InetAddress.getByName("203.0.113.2"), InetAddress.getByName("2001:db8::2"));
        assertThat(engine.dataPathPort()).contains(4790);
        assertThat(engine.networks())
                .containsExactly(
                        new OverlayNetwork("backend", List.of(4097, 4098), true),
                        new OverlayNetwork("front", List.of(4099), false),
                        new OverlayNetwork("off", List.of(4100), false),
                        new OverlayNetwork("new", List.of(), false));
    }

    /** Docker's filter must reach it as one parameter. */
    @Test
    void onlyOverlaysAreAskedFor() throws Exception {
        StringBuilder asked = new StringBuilder();
        read(path -> {
            asked.append(path).append('\n');
            return ok("{}");
        });
        assertThat(asked.toString()).isEqualTo("/info\n/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "null",
                "7",
                "{\"Swarm\":7}",
                "{\"Swarm\":{\"LocalNodeState\":\"inactive\",\"NodeAddr\":\"\",\"Cluster\":{\"DataPathPort\":0}}}",
                "{\"Swarm\":{\"NodeAddr\":\"example.org\",\"RemoteManagers\":[7,{\"Addr\":\"a.b:1\"}],\"Cluster\":[]}}",
                "{\"Swarm\":{\"NodeAddr\":[1],\"Cluster\":{\"DataPathPort\":99999}}}",
                "[7,null,[],{\"Name\":7,\"Options\":{\"com.docker.network.driver.overlay.vxlanid_list\":7}}]",
                "[{\"Name\":\"n\",\"Options\":{\"com.docker.network.driver.overlay.vxlanid_list\":\"-1,x,99999999999,16777216\"}}]"
            })
    void whatIsNotOfTheFormIsNotThere(String body) throws Exception {
        DockerEngine engine = read(path -> ok(body));
        assertThat(engine.swarm()).isFalse();
        assertThat(engine.address()).isEmpty();
        assertThat(engine.managers()).isEmpty();
        assertThat(engine.dataPathPort()).isEmpty();
        assertThat(engine.networks())
                .allSatisfy(network -> assertThat(network.vnis()).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "HTTP/1.0 200 OK\r\n\r\n",
                "HTTP/1.0 200 OK\r\n\r\n{\"Swarm\":",
                "HTTP/1.0 200 OK\r\n\r\nnonsense",
                "HTTP/1.0 500 Internal Server Error\r\n\r\n{}",
                "SSH-2.0-OpenSSH\r\n",
                "HTTP/1.0 200 OK\r\n\r\n[[[[[[[[[["
            })
    void whatIsNoAnswerIsAnError(String answer) {
        assertThatThrownBy(() -> read(path -> answer)).isInstanceOf(IOException.class);
    }

    @Test
    void anAnswerThatNeverComesIsGivenUp() {
        long began = System.nanoTime();
        assertThatThrownBy(() -> read(path -> null))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("within 5 s");
        assertThat((System.nanoTime() - began) / 1_000_000_000).isBetween(4L, 20L);
    }

    @Test
    void anAnswerWithoutEndIsGivenUp() {
        String large = "x".repeat(17 << 20);
        assertThatThrownBy(() -> read(path -> ok(large)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("longer than 16 MB");
    }

    private static String ok(String body) {
        return "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body;
    }

    /** @param answers the whole answer to a path; null: none, and the connection stays open */
    private DockerEngine read(Function<String, String> answers) throws Exception {
        Path socket = folder.resolve("docker.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            CompletableFuture.runAsync(() -> serve(server, answers));
            return DockerEngine.read(socket);
        }
    }

    private static void serve(ServerSocketChannel server, Function<String, String> answers) {
        try {
            while (true) {
                try (SocketChannel channel = server.accept()) {
                    ByteBuffer request = ByteBuffer.allocate(4096);
                    channel.read(request);
                    String path =
                            new String(request.array(), 0, request.position(), StandardCharsets.UTF_8).split(" ")[1];
                    Optional<String> answer = Optional.ofNullable(answers.apply(path));
                    if (answer.isEmpty()) {
                        channel.read(ByteBuffer.allocate(1)); // until the other end goes
                    } else {
                        ByteBuffer bytes = ByteBuffer.wrap(answer.get().getBytes(StandardCharsets.UTF_8));
                        while (bytes.hasRemaining()) {
                            channel.write(bytes);
                        }
                    }
                }
            }
        } catch (IOException e) {
            return; // the test is over
        }
    }
}
