// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.config.ConfigSource;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.host.DeviceAddress;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the agent asks for, from invented hosts and real files. */
class WishesTest {
    private static final Rule AUTO = new Rule(Mode.AUTO, false, false);
    private static final Rule OBSERVE = new Rule(Mode.OBSERVE, false, false);
    private static final Rule DROP = new Rule(Mode.AUTO, true, false);

    @TempDir
    private Path folder;

    private final List<NetDevice> links = List.of(device(2, "eth0"), device(3, "eth1"), device(4, "wan0"));
    private final List<DeviceAddress> addresses = List.of(
            new DeviceAddress(2, address("10.0.0.2")),
            new DeviceAddress(3, address("192.0.2.3")),
            new DeviceAddress(3, address("2001:db8::3")));
    private final List<Discovery.Overlay> overlays = new ArrayList<>();
    private Map<Integer, String> ports = Map.of();

    private Wishes wishes(String yaml) throws IOException {
        Path file = Files.writeString(folder.resolve("c.yaml"), yaml);
        List<Discovery.Uplink> uplinks = links.stream()
                .map(link -> new Discovery.Uplink(link, List.of("needs it"), Optional.empty()))
                .toList();
        return Wishes.of(
                ConfigSource.of(Optional.of(file), config -> config).load(),
                new Discovery(uplinks, ports, overlays, List.of()),
                links,
                addresses);
    }

    private List<String> chosen(String yaml) throws IOException {
        return wishes("interfaces: " + yaml).found().uplinks().stream()
                .map(uplink -> uplink.device().name())
                .toList();
    }

    private DesiredAttachment wish(String yaml) throws IOException {
        Wishes wishes = wishes(yaml);
        return wishes.of(wishes.found().uplinks().get(0));
    }

    @Test
    void interfaces() throws IOException {
        assertThat(chosen("{}")).containsExactly("eth0", "eth1", "wan0");
        assertThat(chosen("{include: [eth1]}")).containsExactly("eth1");
        assertThat(chosen("{include: ['eth*']}")).containsExactly("eth0", "eth1");
        assertThat(chosen("{include: [10.0.0.0/8, wan0]}")).containsExactly("eth0", "wan0");
        assertThat(chosen("{exclude: ['2001:db8::/32']}")).containsExactly("eth0", "wan0");
        assertThat(chosen("{include: ['eth*'], exclude: [eth0]}")).containsExactly("eth1");
        assertThat(chosen("{include: [eth7]}")).isEmpty();
    }

    @Test
    void whatIsExcludedIsKnown() throws IOException {
        Wishes wishes = wishes("interfaces: {exclude: [eth1], keep: 5, manage-existing: true}");
        assertThat(wishes.refused()).containsExactly("eth1");
        assertThat(wishes.policy()).isEqualTo(new Reconciler.Policy(5_000_000_000L, true, Set.of(3)));
    }

    @Test
    void whatIsNotIncludedHasNoReason() throws IOException {
        Wishes wishes = wishes("interfaces: {include: [10.0.0.0/8]}");
        assertThat(wishes.refused()).containsExactly("eth1", "wan0");
        assertThat(wishes.policy().excluded())
                .as("an address may be away for a moment only")
                .isEmpty();
    }

    @Test
    void nothingConfigured() throws IOException {
        DesiredAttachment wish = wish("");
        assertThat(wish.ifname()).isEqualTo("eth0");
        assertThat(wish.rules().any()).contains(AUTO);
        assertThat(wish.rules().byVni()).isEmpty();
        assertThat(wish.rules().port()).isEqualTo(4789);
        assertThat(wish.options()).isEqualTo(AttachOptions.DEFAULT.ofAgent());
    }

    @Test
    void options() throws IOException {
        ports = Map.of(4790, "a policy");
        assertThat(wish("").rules().port()).isEqualTo(4790);
        DesiredAttachment wish =
                wish("{port: 4791, backstop: never, enable-gro: true, rules: {default: {mode: observe}}}");
        assertThat(wish.rules().port()).isEqualTo(4791);
        assertThat(wish.rules().any()).contains(OBSERVE);
        assertThat(wish.options()).isEqualTo(new AttachOptions(Hook.NONE, Backstop.NEVER, false, true, true));
    }

    @Test
    void aNetworksNameIsItsVnis() throws IOException {
        String yaml = "rules: {networks: {web: {mode: observe}}}";
        assertThat(wish(yaml).rules().byVni()).as("Docker knows none yet").isEmpty();
        overlays.add(overlay(4097, "ingress"));
        overlays.add(overlay(4098, "web"));
        overlays.add(overlay(4099, "other", "web"));
        assertThat(wish(yaml).rules().byVni())
                .as("two networks have the name")
                .isEqualTo(Map.of(new Vni(4097), AUTO, new Vni(4098), OBSERVE, new Vni(4099), OBSERVE));
    }

    @Test
    void whichRuleCounts() throws IOException {
        overlays.add(overlay(7, "a", "b"));
        overlays.add(overlay(8, "b"));
        String networks = "networks: {b: {plaintext: drop}, a: {mode: observe}}";
        assertThat(wish("rules: {" + networks + "}").rules().byVni())
                .as("the first in the file")
                .isEqualTo(Map.of(new Vni(7), DROP, new Vni(8), DROP));
        assertThat(wish("rules: {" + networks + ", vnis: {8-9: {}}}").rules().byVni())
                .as("a VNI goes before a name")
                .isEqualTo(Map.of(new Vni(7), DROP, new Vni(8), AUTO, new Vni(9), AUTO));
    }

    /** Its packets are counted separately. */
    @Test
    void eachEncryptedNetworkHasARule() throws IOException {
        overlays.add(overlay(7, "a"));
        overlays.add(new Discovery.Overlay(8, List.of("plain"), Optional.of(false), List.of()));
        overlays.add(new Discovery.Overlay(9, List.of(), Optional.empty(), List.of()));
        assertThat(wish("rules: {default: {mode: observe}}").rules().byVni()).isEqualTo(Map.of(new Vni(7), OBSERVE));
        for (int vni = 10; vni < 2000; vni++) {
            overlays.add(overlay(vni, "n"));
        }
        assertThat(wish("").rules().byVni()).hasSize(1000);
        assertThat(wish("rules: {vnis: {100000-132766: {}}}").rules().byVni())
                .as("no more than there is room for")
                .hasSize(CsumbpfMaps.RULES_MAX)
                .containsKey(new Vni(132766));
    }

    private static Discovery.Overlay overlay(int vni, String... networks) {
        return new Discovery.Overlay(vni, List.of(networks), Optional.of(true), List.of());
    }

    private static NetDevice device(int ifindex, String name) {
        return new NetDevice(ifindex, name, List.of(), 1, "", 0, false, 0, 1500, XdpMode.NONE);
    }

    private static InetAddress address(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
