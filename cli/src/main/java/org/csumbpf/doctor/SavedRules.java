// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.doctor.HostState.Drop;

/**
 * The rules of iptables, as {@code iptables-save -c} prints them: which of them drop what a host receives, and which are
 * Docker's. nft(8) shows neither the matches u32 and bpf, by which Docker names VNIs, nor rules of iptables-legacy.
 *
 * @param drops rules that drop, in chains that a received packet passes
 * @param marked VNIs that are marked for encryption
 * @param guarded VNIs that are dropped if they come in unencrypted
 * @param stopped packets that those rules have dropped, by VNI
 */
record SavedRules(List<Drop> drops, Set<Integer> marked, Set<Integer> guarded, Map<Integer, Long> stopped) {
    private static final int UDP_PORT_MAX = 0xffff;
    private static final Set<String> RECEIVING = Set.of("PREROUTING", "INPUT");
    private static final Pattern LINE = Pattern.compile("^(?:\\[(\\d+):\\d+] )?-A (\\S+) (.*)$");
    private static final Pattern POLICY = Pattern.compile("^:(\\S+) DROP \\[(\\d+):\\d+]$");
    private static final Pattern JUMP = Pattern.compile("(?:^| )-[jg] (\\S+)");
    private static final Pattern OTHER_PROTOCOL = Pattern.compile("(?:^| )-p (?!udp\\b|all\\b)");
    /** Docker's number for its mark: 0xd0c4e3. */
    private static final Pattern MARKS = Pattern.compile("--set-x?mark 0xd0c4e3\\b");

    private static final Pattern PLAINTEXT = Pattern.compile("--pol none\\b");
    private static final Pattern PROTECTED = Pattern.compile("--pol ipsec\\b");
    /** A person's words, which are nobody else's business. */
    private static final Pattern COMMENT = Pattern.compile(" -m comment --comment (\"(?:[^\"\\\\]|\\\\.)*\"|\\S+)");

    private static final Pattern INVALID = Pattern.compile("--(?:ct)?state \\S*INVALID");
    private static final Pattern PORTS = Pattern.compile("--dports? ([0-9:,]+)");
    private static final Pattern U32 = Pattern.compile("--u32 \"[^\"]*0xffffff00=(0x[0-9a-fA-F]+|\\d+)\"");
    private static final Pattern BYTECODE = Pattern.compile("--bytecode \"([0-9, ]+)\"");
    /** BPF_JMP | BPF_JEQ | BPF_K, and BPF_ALU | BPF_RSH | BPF_K (linux/bpf_common.h). */
    private static final int JEQ = 0x15;

    private static final int RSH = 0x74;

    private record Rule(String table, String chain, String text, long packets) {}

    /**
     * @param saved what iptables-save printed
     * @param family ip or ip6
     * @param ports of VXLAN
     */
    static SavedRules parse(String saved, String family, Set<Integer> ports) {
        List<Rule> rules = new ArrayList<>();
        List<Drop> drops = new ArrayList<>();
        String table = "";
        for (String line : saved.split("\n")) {
            Matcher rule = LINE.matcher(line);
            Matcher policy = POLICY.matcher(line);
            if (line.startsWith("*")) {
                table = line.substring(1).strip();
            } else if (rule.matches()) {
                rules.add(new Rule(
                        table,
                        rule.group(2),
                        COMMENT.matcher(" " + rule.group(3)).replaceAll("").strip(),
                        count(rule.group(1))));
            } else if (policy.matches() && RECEIVING.contains(policy.group(1))) {
                drops.add(new Drop(
                        family + " " + table + " " + policy.group(1), "", count(policy.group(2)), false, false));
            }
        }
        Set<Integer> marked = new TreeSet<>();
        Set<Integer> guarded = new TreeSet<>();
        Map<Integer, Long> stopped = new TreeMap<>();
        Set<Integer> accepted = new TreeSet<>();
        Set<String> receiving = receiving(rules);
        List<Drop> dropping = new ArrayList<>();
        for (Rule rule : rules) {
            Matcher jump = JUMP.matcher(rule.text());
            String target = jump.find() ? jump.group(1) : "";
            if (target.equals("MARK") && MARKS.matcher(rule.text()).find()) {
                marked.addAll(vnis(rule.text()));
            } else if (target.equals("ACCEPT") && PROTECTED.matcher(rule.text()).find()) {
                accepted.addAll(vnis(rule.text()));
            } else if (target.equals("DROP") || target.equals("REJECT")) {
                Set<Integer> named = vnis(rule.text());
                // Up to 20.10.23 Docker's guard is two rules: what IPsec decrypted is accepted, the rest is dropped.
                if (PLAINTEXT.matcher(rule.text()).find() || !named.isEmpty() && accepted.containsAll(named)) {
                    guarded.addAll(named);
                    named.forEach(vni -> stopped.merge(vni, Math.max(0, rule.packets()), Long::sum));
                } else if (receiving.contains(rule.table() + " " + rule.chain())
                        && !OTHER_PROTOCOL.matcher(rule.text()).find()) {
                    drop(rule, family, ports, dropping);
                }
            }
        }
        dropping.addAll(drops);
        return new SavedRules(dropping, marked, guarded, stopped);
    }

    private static void drop(Rule rule, String family, Set<Integer> ports, List<Drop> drops) {
        Matcher wanted = PORTS.matcher(rule.text());
        boolean names = false;
        if (wanted.find()) {
            names = names(wanted.group(1), ports);
            if (!names) {
                return; // other ports
            }
        }
        drops.add(new Drop(
                family + " " + rule.table() + " " + rule.chain(),
                rule.text(),
                rule.packets(),
                names,
                INVALID.matcher(rule.text()).find()));
    }

    /** Whether one of the ports is in a list as "53,4000:5000". */
    private static boolean names(String list, Set<Integer> ports) {
        for (String each : list.split(",")) {
            String[] ends = each.split(":");
            long from = ends.length == 0 || ends[0].isEmpty() ? 0 : count(ends[0]);
            long to = !each.contains(":") ? from : ends.length < 2 ? UDP_PORT_MAX : count(ends[1]);
            if (ports.stream().anyMatch(port -> port >= from && port <= to)) {
                return true;
            }
        }
        return false;
    }

    /** Chains, as "filter INPUT", that received packets can pass. */
    private static Set<String> receiving(List<Rule> rules) {
        Map<String, List<String>> jumps = new HashMap<>();
        Deque<String> left = new ArrayDeque<>();
        for (Rule rule : rules) {
            String from = rule.table() + " " + rule.chain();
            Matcher jump = JUMP.matcher(rule.text());
            if (jump.find()) {
                jumps.computeIfAbsent(from, chain -> new ArrayList<>()).add(rule.table() + " " + jump.group(1));
            }
            if (RECEIVING.contains(rule.chain())) {
                left.add(from);
            }
        }
        Set<String> reached = new HashSet<>();
        while (!left.isEmpty()) {
            String chain = left.remove();
            if (reached.add(chain)) {
                left.addAll(jumps.getOrDefault(chain, List.of()));
            }
        }
        return reached;
    }

    /** Those that Docker's rule matches: engines up to 20.10 take u32 for that, later ones bpf. */
    private static Set<Integer> vnis(String rule) {
        Set<Integer> vnis = new TreeSet<>();
        Matcher u32 = U32.matcher(rule);
        if (u32.find()) {
            vnis.add((int) (Long.decode(u32.group(1)) >>> 8 & 0xff_ffff));
        }
        Matcher bytecode = BYTECODE.matcher(rule);
        if (bytecode.find()) {
            vni(bytecode.group(1)).ifPresent(vnis::add);
        }
        return vnis;
    }

    /** The number with which the program compares: either the whole word, or shifted right by its 8 reserved bits. */
    private static Optional<Integer> vni(String bytecode) {
        boolean shifted = false;
        long compared = -1;
        for (String instruction : bytecode.split(",")) {
            String[] words = instruction.strip().split(" +");
            if (words.length == 4) {
                shifted |= count(words[0]) == RSH;
                compared = count(words[0]) == JEQ ? count(words[3]) : compared;
            }
        }
        return compared < 0 ? Optional.empty() : Optional.of((int) ((shifted ? compared : compared >>> 8) & 0xff_ffff));
    }

    /** -1: no number, or none that fits. */
    private static long count(String digits) {
        try {
            return digits == null ? -1 : Long.parseLong(digits);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
