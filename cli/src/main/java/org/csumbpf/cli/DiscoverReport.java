// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.csumbpf.discover.Discovery;
import org.csumbpf.discover.DiscoveryReader;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.Config;
import org.csumbpf.snapshot.Remedy;
import org.csumbpf.text.ShellWord;

/** What discover found, as lines for people and as a JSON tree. */
final class DiscoverReport {
    private final NetworkNamespace netns;
    private final DiscoveryReader read;
    private final Set<Integer> attached;

    /** @param attached ifindexes of devices that csumbpf is attached to */
    DiscoverReport(NetworkNamespace netns, DiscoveryReader read, Set<Integer> attached) {
        this.netns = netns;
        this.read = read;
        this.attached = attached;
    }

    List<String> lines() {
        Discovery found = read.discovery();
        List<String> lines = new ArrayList<>();
        if (found.uplinks().isEmpty()) {
            lines.add(
                    "nothing to repair is known: no SA of ESP in transport mode ends at an address of this network namespace"
                            + (read.engine().isPresent() ? "" : ", and no Docker engine was asked"));
        }
        for (Discovery.Uplink uplink : found.uplinks()) {
            lines.add(uplink.device().name() + ": "
                    + uplink.obstacle().orElse(isAttached(uplink) ? "csumbpf is attached" : "csumbpf is not attached"));
            uplink.reasons().forEach(reason -> lines.add("  " + reason));
        }
        found.ports().forEach((port, reason) -> lines.add("port " + port + ": " + reason));
        for (Discovery.Overlay overlay : found.overlays()) {
            lines.add("vni " + overlay.vni() + ": " + describe(overlay));
        }
        for (Discovery.IpsecPeer peer : found.peers()) {
            lines.add("peer " + peer.address().getHostAddress() + ": " + peer.associations()
                    + (peer.associations() == 1 ? " SA with " : " SAs with ")
                    + peer.local().getHostAddress()
                    + (peer.inUdp() ? ", in UDP (NAT traversal), which needs no repair" : ""));
        }
        commands().forEach(command -> lines.add("next: " + ShellWord.line(command)));
        return lines;
    }

    private static String describe(Discovery.Overlay overlay) {
        List<String> parts = new ArrayList<>();
        if (!overlay.networks().isEmpty()) {
            parts.add("network " + String.join(", ", overlay.networks()));
        }
        overlay.encrypted().ifPresent(encrypted -> parts.add(encrypted ? "encrypted" : "not encrypted"));
        for (Discovery.Located located : overlay.devices()) {
            parts.add("device " + located.device().name() + " on port "
                    + located.device().port()
                    + located.netns().map(path -> " in " + path).orElse("")
                    + (located.device().checksums() ? "" : ", sends no UDP checksums over IPv4"));
        }
        return String.join(", ", parts);
    }

    private boolean isAttached(Discovery.Uplink uplink) {
        return attached.contains(uplink.device().ifindex());
    }

    /** The attach commands that are still to be run. An attachment covers one port. */
    private List<List<String>> commands() {
        Discovery found = read.discovery();
        int port = found.ports().keySet().stream().findFirst().orElse(Config.DEFAULT_PORT);
        return found.uplinks().stream()
                .filter(uplink -> uplink.obstacle().isEmpty() && !isAttached(uplink))
                .map(uplink -> {
                    String name = uplink.device().name();
                    return port == Config.DEFAULT_PORT
                            ? Remedy.csumbpfArguments(netns, "attach", name)
                            : Remedy.csumbpfArguments(netns, "attach", name, "--port", Integer.toString(port));
                })
                .toList();
    }

    Map<String, Object> json() {
        Discovery found = read.discovery();
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put(
                "interfaces",
                found.uplinks().stream()
                        .map(uplink -> {
                            Map<String, Object> about = new LinkedHashMap<>();
                            about.put("interface", uplink.device().name());
                            about.put("ifindex", uplink.device().ifindex());
                            about.put("attached", isAttached(uplink));
                            about.put("reasons", uplink.reasons());
                            about.put("obstacle", uplink.obstacle());
                            return about;
                        })
                        .toList());
        tree.put(
                "ports",
                found.ports().entrySet().stream()
                        .map(port -> {
                            Map<String, Object> about = new LinkedHashMap<>();
                            about.put("port", port.getKey());
                            about.put("reason", port.getValue());
                            return about;
                        })
                        .toList());
        tree.put("vnis", found.overlays().stream().map(DiscoverReport::json).toList());
        tree.put(
                "peers",
                found.peers().stream()
                        .map(peer -> {
                            Map<String, Object> about = new LinkedHashMap<>();
                            about.put("address", peer.address().getHostAddress());
                            about.put("local", peer.local().getHostAddress());
                            about.put("sas", peer.associations());
                            about.put("udp_encapsulated", peer.inUdp());
                            return about;
                        })
                        .toList());
        tree.put("docker", read.engine().isPresent());
        tree.put("commands", commands());
        tree.put("not_read", read.unreadable());
        return tree;
    }

    private static Map<String, Object> json(Discovery.Overlay overlay) {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("vni", overlay.vni());
        about.put("networks", overlay.networks());
        about.put("encrypted", overlay.encrypted());
        about.put(
                "devices",
                overlay.devices().stream()
                        .map(located -> {
                            Map<String, Object> device = new LinkedHashMap<>();
                            device.put("interface", located.device().name());
                            device.put("netns", located.netns());
                            device.put("port", located.device().port());
                            device.put("udp_checksums", located.device().checksums());
                            return device;
                        })
                        .collect(Collectors.toList()));
        return about;
    }
}
