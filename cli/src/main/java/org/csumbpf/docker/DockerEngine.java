// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.text.JsonTree;

/**
 * What a Docker engine says of its Swarm (Docker Engine API: {@code GET /info}, {@code GET /networks}). Whatever of an
 * answer is not of the expected form counts as not there.
 *
 * @param swarm whether the node is in a Swarm
 * @param address of the node in the Swarm, the one that other nodes' packets are sent to; behind a NAT it may be on
 *     none of the host's devices
 * @param managers addresses of the Swarm's managers, this node among them if it is one
 * @param dataPathPort the UDP port of VXLAN; empty on a worker, which the engine does not tell
 * @param networks overlay networks that the node knows: on a worker those with a container here
 */
public record DockerEngine(
        boolean swarm,
        Optional<InetAddress> address,
        List<InetAddress> managers,
        Optional<Integer> dataPathPort,
        List<OverlayNetwork> networks) {
    public static final String DEFAULT = "/var/run/docker.sock";
    public static final Path SOCKET = Path.of(DEFAULT);

    private static final int VNI_MAX = 0xff_ffff;
    private static final int PORT_MAX = 0xffff;
    private static final String VNIS = "com.docker.network.driver.overlay.vxlanid_list";
    private static final String NETWORKS =
            "/networks?filters=" + URLEncoder.encode("{\"driver\":[\"overlay\"]}", StandardCharsets.UTF_8);

    /** @throws IOException if the engine does not answer, or not with JSON */
    public static DockerEngine read(Path socket) throws IOException {
        return read(socket, ask(socket, "/info"));
    }

    /** @param info what the engine has answered to /info */
    static DockerEngine read(Path socket, Object info) throws IOException {
        return of(info, ask(socket, NETWORKS));
    }

    /** The answer to a GET. */
    static Object ask(Path socket, String path) throws IOException {
        try {
            return JsonTree.parse(DockerSocket.get(socket, path));
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    static DockerEngine of(Object info, Object networks) {
        Map<?, ?> swarm = object(object(info).get("Swarm"));
        return new DockerEngine(
                "active".equals(swarm.get("LocalNodeState")),
                swarm.get("NodeAddr") instanceof String text ? address(text) : Optional.empty(),
                managers(swarm.get("RemoteManagers")),
                number(object(swarm.get("Cluster")).get("DataPathPort"), PORT_MAX)
                        .filter(port -> port != 0),
                networks instanceof List<?> list
                        ? list.stream().map(DockerEngine::network).toList()
                        : List.of());
    }

    private static List<InetAddress> managers(Object managers) {
        return managers instanceof List<?> list
                ? list.stream()
                        .map(manager -> object(manager).get("Addr") instanceof String text ? host(text) : "")
                        .flatMap(text -> address(text).stream())
                        .toList()
                : List.of();
    }

    /** Of 192.0.2.1:2377 or [2001:db8::1]:2377. */
    private static String host(String text) {
        return text.replaceFirst(":\\d+$", "").replaceAll("^\\[|\\]$", "");
    }

    private static OverlayNetwork network(Object network) {
        Map<?, ?> options = object(object(network).get("Options"));
        List<Integer> vnis = new ArrayList<>();
        if (options.get(VNIS) instanceof String list) {
            for (String vni : list.split(",")) {
                try {
                    number(Integer.valueOf(vni.strip()), VNI_MAX).ifPresent(vnis::add);
                } catch (NumberFormatException e) {
                    continue; // no VNI
                }
            }
        }
        Object encrypted = options.get("encrypted");
        return new OverlayNetwork(
                object(network).get("Name") instanceof String name ? name : "",
                vnis,
                // The engine takes the option without a value, or with one of Go's words for true.
                encrypted instanceof String value
                        && !List.of("false", "False", "FALSE", "f", "F", "0").contains(value));
    }

    /** An empty object if it is none. */
    static Map<?, ?> object(Object value) {
        return value instanceof Map<?, ?> map ? map : Map.of();
    }

    private static Optional<Integer> number(Object value, int max) {
        return value instanceof Integer number && number >= 0 && number <= max ? Optional.of(number) : Optional.empty();
    }

    /** Never asks a name server. */
    private static Optional<InetAddress> address(String text) {
        if (!text.matches("[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByName(text));
        } catch (UnknownHostException e) {
            return Optional.empty();
        }
    }
}
