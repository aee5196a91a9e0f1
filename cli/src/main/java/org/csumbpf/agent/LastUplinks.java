// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.NetDevice;

/**
 * What needed repair when the agent ran last, in a file that outlives a reboot. So repair is there before there is an SA,
 * and before Docker, which starts after the agent, has told of a Swarm. A device is recognised by its name and one of
 * its addresses. Lines of the file: {@code device NAME ADDRESS...} and {@code port NUMBER}.
 *
 * @param devices addresses, as text, by the device's name
 * @param ports UDP ports of VXLAN, in host order
 */
record LastUplinks(Map<String, Set<String>> devices, Set<Integer> ports) {
    static final LastUplinks NONE = new LastUplinks(Map.of(), Set.of());

    private static final String REASON = "needed repair when csumbpf agent ran last";
    private static final String FILE = "uplinks";
    private static final int LIMIT_BYTES = 1 << 16;

    LastUplinks {
        devices = Collections.unmodifiableMap(new TreeMap<>(devices));
        ports = Collections.unmodifiableSet(new TreeSet<>(ports));
    }

    /** The folder of the file: the unit's StateDirectory (systemd.exec(5)). Empty: there is none, and nothing is kept. */
    static Optional<Path> directory() {
        return Optional.ofNullable(System.getenv("STATE_DIRECTORY"))
                .map(directories -> directories.split(":", 2)[0])
                .filter(directory -> !directory.isEmpty())
                .map(Path::of);
    }

    /** What needs repair now. A device without an address could not be recognised later. */
    static LastUplinks of(Discovery found, List<DeviceAddress> addresses) {
        Map<String, Set<String>> devices = new TreeMap<>();
        for (Discovery.Uplink uplink : found.uplinks()) {
            Set<String> own = own(uplink.device(), addresses);
            if (uplink.obstacle().isEmpty() && !own.isEmpty()) {
                devices.put(uplink.device().name(), own);
            }
        }
        return new LastUplinks(devices, found.ports().keySet());
    }

    /** What was found, and these devices and ports as far as nothing is known of them yet. */
    Discovery addTo(Discovery found, List<NetDevice> links, List<DeviceAddress> addresses) {
        Set<Integer> known = found.uplinks().stream()
                .map(uplink -> uplink.device().ifindex())
                .collect(Collectors.toSet());
        List<Discovery.Uplink> uplinks = new ArrayList<>(found.uplinks());
        for (NetDevice link : links) {
            boolean isSame = !Collections.disjoint(devices.getOrDefault(link.name(), Set.of()), own(link, addresses));
            if (isSame && !known.contains(link.ifindex())) {
                uplinks.add(Discovery.Uplink.of(link, List.of(REASON)));
            }
        }
        Map<Integer, String> knownPorts = new TreeMap<>(found.ports());
        if (knownPorts.isEmpty()) {
            ports.forEach(port -> knownPorts.put(port, REASON));
        }
        return new Discovery(uplinks, knownPorts, found.overlays(), found.peers());
    }

    private static Set<String> own(NetDevice device, List<DeviceAddress> addresses) {
        return addresses.stream()
                .filter(address -> address.ifindex() == device.ifindex())
                .filter(address -> !address.address().isLinkLocalAddress())
                .map(address -> address.address().getHostAddress())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** @return NONE: there is no file. What is no line of this file is ignored. */
    static LastUplinks read(Path directory) throws IOException {
        Path file = directory.resolve(FILE);
        Map<String, Set<String>> devices = new TreeMap<>();
        Set<Integer> ports = new TreeSet<>();
        try {
            if (Files.size(file) > LIMIT_BYTES) {
                throw new IOException(file + " is longer than " + LIMIT_BYTES + " bytes");
            }
            for (String line : new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n")) {
                String[] words = line.split(" ");
                if (words[0].equals("device") && words.length > 2) {
                    devices.put(words[1], Set.copyOf(Arrays.asList(words).subList(2, words.length)));
                } else if (words[0].equals("port") && words.length == 2 && words[1].matches("[1-9][0-9]{0,4}")) {
                    ports.add(Integer.valueOf(words[1]));
                }
            }
        } catch (NoSuchFileException e) {
            return NONE;
        }
        ports.removeIf(port -> port > 0xffff);
        return new LastUplinks(devices, ports);
    }

    /** @param directory into which only root may write */
    void write(Path directory) throws IOException {
        StringBuilder lines = new StringBuilder();
        devices.forEach((name, addresses) -> lines.append("device ")
                .append(name)
                .append(' ')
                .append(String.join(" ", addresses))
                .append('\n'));
        ports.forEach(port -> lines.append("port ").append(port).append('\n'));
        Path written = directory.resolve(FILE + ".new");
        Files.writeString(written, lines);
        Files.move(written, directory.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    }
}
