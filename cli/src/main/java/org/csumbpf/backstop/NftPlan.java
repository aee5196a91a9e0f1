// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.PacketPriority;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;

/**
 * The nftables rules that one attachment needs in one family: its own chains, sets and counters in the table csumbpf,
 * named after its ifindex. Computed without asking the kernel.
 *
 * <p>Packets are repaired in prerouting, after decryption and reassembly, and before conntrack (priority -200), which
 * would call them invalid. Plaintext is dropped in input, where fragments are reassembled too.
 */
public record NftPlan(
        Family family,
        int ifindex,
        SortedSet<Integer> receivers,
        int port,
        Map<Kind, SortedSet<Vni>> sets,
        Optional<Kind> any,
        boolean anyDrops) {
    public static final String TABLE = "csumbpf";
    /** A rule whose comment begins with this makes a table ours. */
    static final String MARK = "csumbpf attach";
    /** Before every priority that has a name; the kernel reassembles fragments at -400. */
    private static final int PRIORITY = -350;
    /** The I flag and the VNI (RFC 7348 section 5), bits from the UDP header on. */
    private static final String I_FLAG = "@th,64,8 & 0x08 == 0x08";

    private static final String VNI = "@th,96,24";
    private static final Pattern COINED =
            Pattern.compile("if(\\d+)(-(repair|input|(any-)?(zero|recompute|observe|skip|drop|pass)))?");

    /** Families of nftables tables. */
    public enum Family {
        IP,
        IP6;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A set of VNIs, by what happens to their packets. */
    enum Kind {
        /** Checksum 0 is written. */
        ZERO(true),
        /** Sent over the loopback device, where csumbpf_detour computes the checksum. */
        RECOMPUTE(true),
        /** Counted only: nftables cannot check a checksum. */
        OBSERVE(true),
        /** The rule needs no proof, so tc has handled these packets; kept from the rule for any VNI. */
        SKIP(false),
        /** Plaintext is dropped. */
        DROP(true),
        /** Plaintext passes; kept from the rule for any VNI, which drops it. */
        PASS(false);

        private final boolean counts;

        Kind(boolean counts) {
            this.counts = counts;
        }

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** @param receivers ifindexes that decrypted packets can come from: the device's and those above it */
    static NftPlan of(Family family, int ifindex, Collection<Integer> receivers, RuleSet rules) {
        Map<Kind, SortedSet<Vni>> sets = new EnumMap<>(Kind.class);
        Optional<Rule> any = rules.any().filter(rule -> !rule.unverified());
        boolean anyDrops = any.map(Rule::dropPlaintext).orElse(false);
        rules.byVni().forEach((vni, rule) -> {
            if (!rule.unverified()) {
                add(sets, kind(family, rule.mode()), vni);
            } else if (any.isPresent()) {
                add(sets, Kind.SKIP, vni);
            }
            if (rule.dropPlaintext()) {
                add(sets, Kind.DROP, vni);
            } else if (anyDrops) {
                add(sets, Kind.PASS, vni);
            }
        });
        return new NftPlan(
                family,
                ifindex,
                new TreeSet<>(receivers),
                rules.port(),
                sets,
                any.map(rule -> kind(family, rule.mode())),
                anyDrops);
    }

    private static void add(Map<Kind, SortedSet<Vni>> sets, Kind kind, Vni vni) {
        sets.computeIfAbsent(kind, k -> new TreeSet<>()).add(vni);
    }

    /** nftables can only write 0, which IPv6 rejects. */
    private static Kind kind(Family family, Mode mode) {
        return switch (mode) {
            case OBSERVE -> Kind.OBSERVE;
            case ZERO -> Kind.ZERO;
            case AUTO, RECOMPUTE, ADJUST -> family == Family.IP ? Kind.ZERO : Kind.RECOMPUTE;
        };
    }

    boolean needsLoopback() {
        return sets.containsKey(Kind.RECOMPUTE) || any.equals(Optional.of(Kind.RECOMPUTE));
    }

    private boolean drops() {
        return sets.containsKey(Kind.DROP) || anyDrops;
    }

    static String prefix(int ifindex) {
        return "if" + ifindex;
    }

    /** Whether a name in the table is one that csumbpf gives. */
    static boolean coined(String name) {
        return COINED.matcher(name).matches();
    }

    /** The ifindex of the attachment that a chain, set or counter belongs to; empty: csumbpf gives no such name. */
    static Optional<Integer> owner(String name) {
        Matcher coined = COINED.matcher(name);
        try {
            return coined.matches() ? Optional.of(Integer.valueOf(coined.group(1))) : Optional.empty();
        } catch (NumberFormatException e) {
            return Optional.empty(); // larger than any ifindex of the kernel
        }
    }

    /** Whether a chain, set or counter of the table belongs to an attachment's ifindex. */
    static boolean owns(int ifindex, String name) {
        String prefix = prefix(ifindex);
        return name.equals(prefix) || name.startsWith(prefix + "-");
    }

    private String prefix() {
        return prefix(ifindex);
    }

    String set(Kind kind) {
        return prefix() + "-" + kind.label();
    }

    String anyCounter(Kind kind) {
        return prefix() + "-any-" + kind.label();
    }

    /** The chains by name, each with the text between its braces. */
    Map<String, String> chains() {
        Map<String, String> chains = new LinkedHashMap<>();
        chains.put(repairChain(), "");
        chains.put(prefix(), "type filter hook prerouting priority " + PRIORITY + "; policy accept;");
        if (drops()) {
            chains.put(inputChain(), "type filter hook input priority " + PRIORITY + "; policy accept;");
        }
        return chains;
    }

    private String repairChain() {
        return prefix() + "-repair";
    }

    private String inputChain() {
        return prefix() + "-input";
    }

    /** Names of the counters of the rule for any VNI. */
    Set<String> counters() {
        Set<String> counters = new TreeSet<>();
        any.filter(kind -> kind.counts).ifPresent(kind -> counters.add(anyCounter(kind)));
        if (anyDrops) {
            counters.add(anyCounter(Kind.DROP));
        }
        return counters;
    }

    String declaration(Kind kind) {
        return "typeof " + VNI + ";" + (kind.counts ? " counter;" : "");
    }

    /**
     * The rules in their order, by chain. Each comment has the mark, a checksum of all rules, and the rule's position.
     */
    Map<String, List<String>> rules() {
        Map<String, List<String>> rules = unmarkedRules();
        String comment = comment();
        rules.values().forEach(chain -> {
            for (int i = 0; i < chain.size(); i++) {
                chain.set(i, chain.get(i) + " comment \"" + comment + " " + i + "\"");
            }
        });
        return rules;
    }

    /** {@link #rules()} as {@link NftTable} reads them back. */
    Map<String, List<String>> expected() {
        Map<String, List<String>> expected = new TreeMap<>();
        String comment = comment();
        unmarkedRules().forEach((chain, rules) -> {
            List<String> seen = new ArrayList<>();
            for (String rule : rules) {
                seen.add(NftTable.identify(comment + " " + seen.size(), rule));
            }
            expected.put(chain, seen);
        });
        return expected;
    }

    private String comment() {
        CRC32 crc = new CRC32();
        crc.update((unmarkedRules().toString() + sets.keySet()).getBytes(StandardCharsets.UTF_8));
        return String.format(Locale.ROOT, "%s; %08x", MARK, crc.getValue());
    }

    private Map<String, List<String>> unmarkedRules() {
        String from = "iif "
                + (receivers.size() == 1
                        ? receivers.first().toString()
                        : receivers.stream().map(Object::toString).collect(Collectors.joining(", ", "{ ", " }")));
        String vxlan = "udp dport " + port + " " + from + " ";
        Map<String, List<String>> rules = new TreeMap<>();
        // The cheapest and most selective condition comes first: most packets were repaired by tc with 0 and fail it at
        // once.
        rules.put(
                prefix(),
                new ArrayList<>(
                        List.of("@th,48,16 != 0 " + vxlan + "meta ipsec exists " + I_FLAG + " goto " + repairChain())));
        List<String> repair = new ArrayList<>();
        repair.add("meta priority " + PacketPriority.HANDLED.text(0) + " meta priority set 0 return");
        for (Kind kind : List.of(Kind.SKIP, Kind.ZERO, Kind.RECOMPUTE, Kind.OBSERVE)) {
            if (sets.containsKey(kind)) {
                repair.add(VNI + " @" + set(kind) + " " + action(kind));
            }
        }
        any.ifPresent(kind -> repair.add("counter name " + anyCounter(kind) + " " + action(kind)));
        rules.put(repairChain(), repair);
        if (drops()) {
            List<String> input = new ArrayList<>();
            String plaintext = vxlan + "meta ipsec missing " + I_FLAG + " ";
            if (sets.containsKey(Kind.DROP)) {
                input.add(plaintext + VNI + " @" + set(Kind.DROP) + " drop");
            }
            if (sets.containsKey(Kind.PASS)) {
                input.add(plaintext + VNI + " @" + set(Kind.PASS) + " return");
            }
            if (anyDrops) {
                input.add(plaintext + "counter name " + anyCounter(Kind.DROP) + " drop");
            }
            rules.put(inputChain(), input);
        }
        return rules;
    }

    private String action(Kind kind) {
        return switch (kind) {
            case ZERO -> "udp checksum set 0 return";
            case RECOMPUTE ->
                "meta priority set " + PacketPriority.LOOPBACK.text(ifindex) + " dup to ::1 device lo drop";
            case OBSERVE, SKIP, PASS -> "return";
            case DROP -> "drop";
        };
    }
}
