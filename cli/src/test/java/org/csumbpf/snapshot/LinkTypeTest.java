// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.maps.LinkHeader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Devices that not every kernel can create. LinkTypesTest and WithoutEthernetTest have real ones. */
class LinkTypeTest {
    @ParameterizedTest
    @CsvSource({
        "1, '', ETHERNET, true",
        "1, tun, ETHERNET, true",
        "1, bridge, ETHERNET, true",
        "1, gretap, ETHERNET, true",
        "65534, wireguard, NONE, true",
        "65534, tun, NONE, false",
        "768, ipip, NONE, false",
        "769, ip6tnl, NONE, false",
        "776, sit, NONE, false",
        "778, gre, NONE, false",
        "823, ip6gre, NONE, false",
        "512, ppp, NONE, false",
        "519, '', NONE, true",
    })
    void whatPacketsBeginWith(int arphrd, String kind, LinkHeader header, boolean decryptsBeforeTc) {
        NetDevice device = device(arphrd, kind);
        assertThat(LinkType.refusal(device)).isEmpty();
        assertThat(LinkType.header(device)).isEqualTo(header);
        assertThat(LinkType.decryptsBeforeTc(device)).isEqualTo(decryptsBeforeTc);
    }

    @ParameterizedTest
    @CsvSource({
        "1, vxlan, VXLAN",
        "65534, vxlan, VXLAN",
        "1, geneve, Geneve",
        "1, ifb, ifb",
        "1, dummy, dummy",
        "772, '', loopback",
        "32, ipoib, ARPHRD type 32",
        "801, '', ARPHRD type 801",
    })
    void whatIsRefused(int arphrd, String kind, String reason) {
        assertThat(LinkType.refusal(device(arphrd, kind)).orElseThrow())
                .hasMessageContaining("attach to x0 failed: ")
                .hasMessageContaining(reason)
                .hasMessageContaining("'csumbpf attach eth0'");
    }

    @Test
    void rulesKeepTheLinkOfTheirDevice() {
        RuleSet rules = new RuleSet(4789, false, Optional.empty(), Map.of());
        RuleSet linked = rules.withLink(LinkHeader.NONE);
        assertThat(linked.withBackstop(true)
                        .withRules(linked.any(), linked.byVni())
                        .config()
                        .link())
                .isEqualTo(LinkHeader.NONE);
    }

    private static NetDevice device(int arphrd, String kind) {
        return new NetDevice(7, "x0", List.of(), arphrd, kind, 0, false, 0, 1500, XdpMode.NONE);
    }
}
