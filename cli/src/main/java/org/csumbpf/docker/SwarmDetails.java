// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a Docker engine says of its version and of the other nodes (Docker Engine API: GET /info, /nodes,
 * /networks/NAME). Whatever of an answer is not of the expected form counts as not there.
 *
 * @param version of the engine
 * @param engine what else it says
 * @param nodes addresses of the nodes that are ready, by name; only a manager tells
 * @param peers addresses of the nodes that have a container in a network, by the network's name and their own
 */
public record SwarmDetails(
        String version, DockerEngine engine, Map<String, String> nodes, Map<String, Map<String, String>> peers) {
    /** More networks than a node has; the rest is not asked for. */
    private static final int MOST_NETWORKS = 100;

    /** @throws IOException if the engine does not answer, or not with JSON */
    public static SwarmDetails read(Path socket) throws IOException {
        Object info = DockerEngine.ask(socket, "/info");
        DockerEngine engine = DockerEngine.read(socket, info);
        String version = DockerEngine.object(info).get("ServerVersion") instanceof String text ? text : "";
        Map<String, Map<String, String>> peers = new LinkedHashMap<>();
        for (OverlayNetwork network :
                engine.networks().stream().limit(MOST_NETWORKS).toList()) {
            if (network.encrypted()) {
                String name = URLEncoder.encode(network.name(), StandardCharsets.UTF_8)
                        .replace("+", "%20");
                peers.put(network.name(), peers(optional(socket, "/networks/" + name)));
            }
        }
        return new SwarmDetails(version, engine, nodes(optional(socket, "/nodes")), peers);
    }

    /** Null if the engine refuses: a worker does not tell about nodes, and a network may just have gone. */
    private static Object optional(Path socket, String path) {
        try {
            return DockerEngine.ask(socket, path);
        } catch (IOException e) {
            return null;
        }
    }

    static Map<String, String> nodes(Object answer) {
        Map<String, String> nodes = new TreeMap<>();
        for (Map<?, ?> node : objects(answer)) {
            Map<?, ?> status = DockerEngine.object(node.get("Status"));
            if (DockerEngine.object(node.get("Description")).get("Hostname") instanceof String name
                    && status.get("Addr") instanceof String address
                    && "ready".equals(status.get("State"))
                    && !address.equals("0.0.0.0")) {
                nodes.put(name, address);
            }
        }
        return nodes;
    }

    static Map<String, String> peers(Object answer) {
        Map<String, String> peers = new TreeMap<>();
        for (Map<?, ?> peer : objects(DockerEngine.object(answer).get("Peers"))) {
            if (peer.get("Name") instanceof String name && peer.get("IP") instanceof String address) {
                peers.put(name, address);
            }
        }
        return peers;
    }

    private static List<Map<?, ?>> objects(Object value) {
        return value instanceof List<?> list
                ? list.stream().<Map<?, ?>>map(DockerEngine::object).toList()
                : List.of();
    }
}
