// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.docker;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The names of Docker's networks by VNI. The agent keeps them in a file, so that the other commands know them without
 * asking the engine.
 *
 * @param byVni the name; where networks share a VNI, their names, joined by commas
 */
public record NetworkNames(Map<Integer, String> byVni) {
    public static final NetworkNames NONE = new NetworkNames(Map.of());

    /** The agent writes the file every 30 seconds. An older one was left by an agent that ended. */
    private static final long VALID_MILLIS = 120_000;

    private static final int LIMIT_BYTES = 1 << 20;

    public NetworkNames {
        byVni = Map.copyOf(byVni);
    }

    public static NetworkNames of(List<OverlayNetwork> networks) {
        Map<Integer, TreeSet<String>> names = new TreeMap<>();
        for (OverlayNetwork network : networks) {
            network.vnis()
                    .forEach(vni ->
                            names.computeIfAbsent(vni, v -> new TreeSet<>()).add(oneLine(network.name())));
        }
        return new NetworkNames(names.entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> String.join(",", entry.getValue()))));
    }

    /** The name of a VNI's network; empty: not known. */
    public String of(int vni) {
        return byVni.getOrDefault(vni, "");
    }

    /** The file's lines are a VNI, a space, and a name. */
    private static String oneLine(String name) {
        return name.replaceAll("[\\n\\r]", "\ufffd");
    }

    /** @param directory that only root may enter */
    public void write(Path directory) throws IOException {
        StringBuilder lines = new StringBuilder();
        new TreeMap<>(byVni)
                .forEach((vni, name) ->
                        lines.append(vni).append(' ').append(name).append('\n'));
        Path written = directory.resolve("networks.new");
        Files.writeString(written, lines);
        Files.move(written, file(directory), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Of what an agent has written; none if there is no agent, or if the directory may not be read. */
    public static NetworkNames read(Path directory) {
        Path file = file(directory);
        Map<Integer, String> names = new TreeMap<>();
        try {
            long age =
                    System.currentTimeMillis() - Files.getLastModifiedTime(file).toMillis();
            if (age > VALID_MILLIS || Files.size(file) > LIMIT_BYTES) {
                return NONE;
            }
            for (String line : new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n")) {
                int space = line.indexOf(' ');
                if (space > 0) {
                    names.put(Integer.valueOf(line.substring(0, space)), line.substring(space + 1));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return NONE;
        }
        return new NetworkNames(names);
    }

    private static Path file(Path directory) {
        return directory.resolve("networks");
    }
}
