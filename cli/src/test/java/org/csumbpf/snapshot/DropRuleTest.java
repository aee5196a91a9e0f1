// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Which rules in the output of nft(8) may drop VXLAN packets. AfterRepairTest has real rules. */
class DropRuleTest {
    private static final String RULES = """
            table ip filter {
            	chain INPUT {
            		type filter hook input priority 0; policy accept;
            		udp dport 4789 meta secpath missing xt match "u32" counter packets 3 bytes 234 drop
            		udp dport 4789 xt match "policy" counter packets 3 bytes 234 drop
            		ct state 0x1 counter packets 7 bytes 500 drop comment "says accept"
            		meta l4proto 6 tcp dport 22 counter packets 9 bytes 500 drop
            		icmp type 8 counter packets 9 bytes 500 drop
            		udp dport 53 counter packets 9 bytes 500 drop
            		udp dport 47890 counter packets 9 bytes 500 drop
            		udp dport 4789 counter packets 0 bytes 0 drop
            		counter packets 4 bytes 100 accept comment "no drop"
            		counter packets 4 bytes 100 jump more
            	}
            	chain more {
            		udp dport { 53, 4789 } counter packets 5 bytes 420 reject with icmp 3
            		udp dport 4789 drop
            	}
            	chain OUTPUT {
            		type filter hook output priority 0; policy drop;
            		udp dport 4789 counter packets 5 bytes 420 drop
            	}
            }
            table ip csumbpf {
            	chain if5-input {
            		type filter hook input priority -350; policy drop;
            		udp dport 4789 counter packets 5 bytes 420 drop
            	}
            }
            table inet fw {
            	chain in {
            		type filter hook input priority 10; policy drop;
            		udp dport 22 accept
            	}
            }
            """;

    @Test
    void thoseThatNameThePortComeFirst() {
        assertThat(DropRule.parse(RULES, 4789))
                .containsExactly(
                        new DropRule(
                                "ip filter more",
                                "udp dport { 53, 4789 } counter packets 5 bytes 420 reject with icmp 3",
                                5,
                                true),
                        new DropRule("ip filter more", "udp dport 4789 drop", -1, true),
                        new DropRule("ip filter INPUT", "ct state 0x1 counter packets 7 bytes 500 drop", 7, false),
                        new DropRule("inet fw in", "", -1, false));
        assertThat(DropRule.parse(RULES, 5000)).extracting(DropRule::packets).containsExactly(7L, -1L);
        assertThat(DropRule.parse("", 4789)).isEqualTo(List.of());
    }

    @Test
    void inWords() {
        List<DropRule> rules = DropRule.parse(RULES, 4789);
        assertThat(rules.get(0).evidence())
                .startsWith("a rule of chain ip filter more has dropped 5 packets (udp dport { 53, 4789 } ");
        assertThat(rules.get(0).remedy().text()).isEqualTo("'nft list chain ip filter more' shows the chain");
        assertThat(rules.get(1).evidence()).contains("may drop them");
        assertThat(rules.get(3).evidence()).contains("drops what no rule accepts");
    }
}
