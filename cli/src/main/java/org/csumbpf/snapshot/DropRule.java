// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.backstop.NftPlan;

/**
 * An nftables rule, or a chain's policy, that drops received packets and may drop VXLAN. iptables-nft makes such rules
 * too.
 *
 * @param chain family, table and name
 * @param rule as nft(8) lists it; empty: the chain's policy
 * @param packets that the rule has dropped; -1: it does not count
 * @param namesPort whether the rule names the port
 */
public record DropRule(String chain, String rule, long packets, boolean namesPort) {
    private static final Set<String> NOT_RECEIVING = Set.of("output", "postrouting", "forward", "egress");
    private static final Pattern COUNTER = Pattern.compile("\\bcounter packets (\\d+)");
    private static final Pattern DROPS = Pattern.compile("\\b(drop|reject)\\b");
    private static final Pattern OTHER_PROTOCOL =
            Pattern.compile("\\b(tcp|icmp|icmpv6|igmp|sctp|esp|ah)\\b|\\bl4proto (1|2|6|50|51|58|132)\\b");
    /** Docker's own rule, which drops what did not come through IPsec. */
    private static final Pattern PLAINTEXT =
            Pattern.compile("\\b(secpath|ipsec) missing\\b|\\bmeta ipsec 0\\b|xt match \"policy\"");

    /**
     * The dropping rules of a ruleset: first those that name the port. Rules whose counter is 0 are left out.
     *
     * @param text of {@code nft -n list ruleset}
     * @param port of VXLAN, in host order
     */
    public static List<DropRule> parse(String text, int port) {
        Pattern named = Pattern.compile("\\b[ds]port\\b.*\\b" + port + "\\b|@th,16,16 \\D*\\b" + port + "\\b");
        List<DropRule> exact = new ArrayList<>();
        List<DropRule> others = new ArrayList<>();
        List<DropRule> policies = new ArrayList<>();
        String table = "";
        String chain = "";
        boolean receives = false;
        for (String line : text.split("\n")) {
            String words = line.strip();
            if (words.startsWith("table ")) {
                table = words.substring("table ".length()).replace(" {", "");
                receives = false;
            } else if (line.startsWith("\tchain ")) {
                chain = table + " " + words.substring("chain ".length()).replace(" {", "");
                receives = !table.endsWith(" " + NftPlan.TABLE);
            } else if (line.equals("\t}")) {
                receives = false;
            } else if (receives && words.startsWith("type ")) {
                List<String> type = List.of(words.split("[ ;]+"));
                int hook = type.indexOf("hook");
                receives = hook < 0 || !NOT_RECEIVING.contains(type.get(hook + 1));
                if (receives && words.contains("policy drop")) {
                    policies.add(new DropRule(chain, "", -1, false));
                }
            } else if (receives) {
                String rule = words.replaceAll(" comment \".*\"$", "");
                Matcher counter = COUNTER.matcher(rule);
                long packets = counter.find() ? count(counter.group(1)) : -1;
                if (packets == 0
                        || !DROPS.matcher(rule).find()
                        || PLAINTEXT.matcher(rule).find()) {
                    continue;
                }
                if (named.matcher(rule).find()) {
                    exact.add(new DropRule(chain, rule, packets, true));
                } else if (packets > 0
                        && !rule.contains("port ")
                        && !OTHER_PROTOCOL.matcher(rule).find()) {
                    others.add(new DropRule(chain, rule, packets, false));
                }
            }
        }
        exact.addAll(others);
        exact.addAll(policies);
        return exact;
    }

    /** Whether the rule drops what conntrack calls invalid. */
    public boolean isForInvalid() {
        return rule.matches(".*\\bct state (invalid|0x1)\\b.*");
    }

    /** What is known of the rule, in words. */
    String evidence() {
        if (rule.isEmpty()) {
            return "chain " + chain + " drops what no rule accepts";
        }
        return "a rule of chain " + chain + (packets < 0 ? " may drop them" : " has dropped " + packets + " packets")
                + " (" + rule + ")";
    }

    Remedy remedy() {
        List<String> command = new ArrayList<>(List.of("nft", "list", "chain"));
        command.addAll(List.of(chain.split(" ")));
        return new Remedy(command, rule.isEmpty() ? "shows the chain; accept UDP there" : "shows the chain");
    }

    /** A rule may be made with any count below 2^64. */
    private static long count(String digits) {
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            return Long.MAX_VALUE;
        }
    }
}
