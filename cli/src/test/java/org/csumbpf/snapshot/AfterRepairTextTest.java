// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.ReceiveDrops;
import org.junit.jupiter.api.Test;

/** The report of drops that a host without IPsec cannot cause. AfterRepairTest has real ones. */
class AfterRepairTextTest {
    private static final VxlanDevice VX = new VxlanDevice(7, "vx", 5, 4789, true, false, true, 0, 0, 0, 1450, true);

    @Test
    void policiesThatRefused() {
        NetStatistics.FamilyCounts none = new NetStatistics.FamilyCounts(0, 0);
        List<String> policies = AfterRepair.policies(new NetStatistics(
                none, none, Map.of("XfrmInNoPols", 5L, "XfrmInPolBlock", 0L, "XfrmInNoStates", 9L), Map.of()));
        assertThat(policies).containsExactly("XfrmInNoPols 5");
        assertThat(text(new ReceiveDrops(0, Set.of(4789), true), policies))
                .isEqualTo("vni 5: 9 packets are repaired, but none arrives at vx: the host drops them after csumbpf:"
                        + " an IPsec policy refused packets (XfrmInNoPols 5); 'ip xfrm policy' shows the policies");
    }

    @Test
    void severalThatFit() {
        assertThat(text(new ReceiveDrops(3, Set.of(), false), List.of()))
                .contains("nothing listens on UDP port 4789")
                .contains("; or rp_filter refused 3 packets");
    }

    @Test
    void whatIsNotCounted() {
        assertThat(text(new ReceiveDrops(0, Set.of(4789), true), List.of())).contains("'iptables-legacy -nvL'");
        assertThat(text(new ReceiveDrops(0, Set.of(4789), false), List.of()))
                .contains("no counter shows where; 'perf trace -e skb:kfree_skb' shows where");
    }

    private static String text(ReceiveDrops drops, List<String> policies) {
        return AfterRepair.finding(
                        "vni 5",
                        9,
                        List.of(VX),
                        4789,
                        new AfterRepair.Host(drops, policies, List.of(), List.of(), Set.of()))
                .text();
    }
}
