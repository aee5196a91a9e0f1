// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Test;

/** The plan, the table read back, and the transaction between them, on recorded output and without nftables. */
class NftTest {
    private static final Rule DROP = new Rule(Mode.AUTO, true, false);
    private static final Rule AUTO = new Rule(Mode.AUTO, false, false);
    private static final Rule ZERO = new Rule(Mode.ZERO, false, false);
    private static final Rule OBSERVE = new Rule(Mode.OBSERVE, false, false);
    private static final Rule UNVERIFIED = new Rule(Mode.AUTO, false, true);

    /** The rules of the recorded table. */
    private static final RuleSet RECORDED = rules(null, Map.of(4109, DROP, 4110, DROP, 4111, OBSERVE));

    private final NftTable table = parse(resource("table.txt"));

    @Test
    void aTableIsFoundByFamilyAndName() {
        assertThat(NftTable.listed(resource("tables.txt"), NftPlan.Family.IP)).isTrue();
        assertThat(NftTable.listed(resource("tables.txt").replace("ip6", "inet"), NftPlan.Family.IP6))
                .isFalse();
        assertThat(NftTable.listed("", NftPlan.Family.IP)).isFalse();
    }

    @Test
    void chainsSetsAndCountsAreRead() {
        assertThat(table.ours()).isTrue();
        assertThat(table.chains())
                .isEqualTo(Map.of(
                        "if2", "type filter hook prerouting priority -350; policy accept;",
                        "if2-repair", "",
                        "if2-input", "type filter hook input priority -350; policy accept;"));
        assertThat(table.rules().get("if2")).extracting(NftTest::verdict).containsExactly("goto if2-repair");
        assertThat(table.rules().get("if2-repair"))
                .extracting(NftTest::verdict)
                .containsExactly("return", "return", "return");
        assertThat(table.rules().get("if2-input")).extracting(NftTest::verdict).containsExactly("drop");
        assertThat(table.dormant()).isFalse();
        assertThat(parse("table ip csumbpf {\n\tcounter if2-any-zero {\n\t\tpackets 3 bytes 400\n\t}\n}")
                        .counters())
                .isEqualTo(Map.of("if2-any-zero", new Count(3, 400)));
        assertThat(table.sets().get("if2-zero"))
                .isEqualTo(Map.of(new Vni(4109), new Count(12, 1300), new Vni(4110), Count.NONE));
        assertThat(table.sets()).containsOnlyKeys("if2-zero", "if2-drop", "if2-observe");
        BackstopView view = BackstopView.of(Backstop.AUTO, BackstopView.State.ON, "", 2, List.of(table));
        assertThat(view.byVni().get(new Vni(4109)).get(BackstopOutcome.REPAIRED))
                .isEqualTo(new Count(12, 1300));
        assertThat(view.sum().decrypted()).isEqualTo(12);
        assertThat(BackstopView.of(Backstop.AUTO, BackstopView.State.ON, "", 20, List.of(table))
                        .sum()
                        .decrypted())
                .as("of another attachment")
                .isZero();
    }

    @Test
    void aTableIsAsWantedOrNot() {
        assertThat(table.fulfils(plan(NftPlan.Family.IP, Set.of(2), RECORDED))).isTrue();
        for (RuleSet other : List.of(
                rules(null, Map.of(4109, DROP, 4110, DROP)),
                rules(null, Map.of(4109, DROP, 4110, DROP, 4111, OBSERVE, 4112, ZERO)),
                rules(null, Map.of(4109, DROP, 4110, AUTO, 4111, OBSERVE)),
                rules(AUTO, Map.of(4109, DROP, 4110, DROP, 4111, OBSERVE)),
                new RuleSet(7789, true, Optional.empty(), RECORDED.byVni()))) {
            assertThat(table.fulfils(plan(NftPlan.Family.IP, Set.of(2), other)))
                    .as("%s", other)
                    .isFalse();
        }
        assertThat(table.fulfils(plan(NftPlan.Family.IP, Set.of(2, 5), RECORDED)))
                .as("a VLAN has come")
                .isFalse();
    }

    /** Each is a change that can be made with nft(8), after which packets are lost or not repaired. */
    @Test
    void whatSomebodyChangedIsSeen() {
        changed("\t\t@th,96,24 @if2-observe return [^\n]*\n", "");
        changed("udp checksum set 0 return comment \"[^\"]*\"", "accept");
        changed("udp checksum set 0 return", "accept");
        changed("\t\t@th,48,16", "\t\tdrop\n\t\t@th,48,16");
        changed("(\t\t@th,96,24 @if2-zero[^\n]*\n)([^\n]*\n)", "$2$1");
        changed("table ip csumbpf \\{", "table ip csumbpf {\n\tflags dormant\n");
        changed("(hook prerouting [^\n]*) accept;", "$1 drop;");
        changed("prerouting priority -350", "prerouting priority -150");
        changed("hook prerouting", "hook input");
        changed("\t\ttype filter hook prerouting[^\n]*\n", "");
        changed("set if2-observe", "set other");
        changed("chain if2-input", "chain if2-more");
    }

    private static void changed(String pattern, String replacement) {
        String text = resource("table.txt").replaceFirst(pattern, replacement);
        assertThat(text).as(pattern).isNotEqualTo(resource("table.txt"));
        NftTable other = parse(text);
        assertThat(other.ours()).as(pattern).isTrue();
        assertThat(other.fulfils(plan(NftPlan.Family.IP, Set.of(2), RECORDED)))
                .as(pattern)
                .isFalse();
    }

    @Test
    void aChainOnAnotherHookIsMadeAnew() {
        NftTable moved =
                parse(resource("table.txt").replace("hook prerouting priority -350", "hook prerouting priority 0"));
        String commands = NftTransaction.make(plan(NftPlan.Family.IP, Set.of(2), RECORDED), Optional.of(moved));
        assertThat(commands)
                .contains("delete chain ip csumbpf if2\nadd chain ip csumbpf if2-repair")
                .doesNotContain("delete chain ip csumbpf if2-input");
    }

    @Test
    void aTableWithoutOurMarkIsNotOursUnlessItIsAllOurNames() {
        String unmarked = resource("table.txt").replace("csumbpf attach;", "mine;");
        assertThat(parse(unmarked).ours()).as("rules flushed").isTrue();
        assertThat(parse(unmarked.replace("if2-input", "input")).ours()).isFalse();
        assertThat(parse(unmarked.replace("if2-zero", "if2-other")).ours()).isFalse();
        assertThat(parse("table ip csumbpf {\n}").ours()).as("an empty table").isFalse();
    }

    @Test
    void nothingIsTouchedThatStays() {
        String commands = NftTransaction.make(
                plan(NftPlan.Family.IP, Set.of(2), rules(null, Map.of(4109, AUTO, 4113, AUTO, 4111, OBSERVE))),
                Optional.of(table));
        assertThat(commands.lines())
                .contains(
                        "add table ip csumbpf",
                        "delete element ip csumbpf if2-zero { 0x100e }",
                        "add element ip csumbpf if2-zero { 0x1011 }",
                        "delete chain ip csumbpf if2-input",
                        "delete set ip csumbpf if2-drop")
                .noneMatch(line -> line.contains("0x100d"))
                .noneMatch(line -> line.startsWith("create"));
        assertThat(commands.lines().filter(line -> line.startsWith("add rule"))).hasSize(4);
    }

    @Test
    void aNewTableIsCreatedSoThatSomebodyElsesIsAnError() {
        String commands = NftTransaction.make(plan(NftPlan.Family.IP, Set.of(2), RECORDED), Optional.empty());
        assertThat(commands).startsWith("create table ip csumbpf\n");
    }

    @Test
    void theTableGoesWithItsLastAttachment() {
        assertThat(NftTransaction.remove(NftPlan.Family.IP, 2, table)).isEqualTo("delete table ip csumbpf\n");
        NftTable shared = parse(resource("table.txt").replace("if2-observe", "if20-observe"));
        assertThat(NftTransaction.remove(NftPlan.Family.IP, 2, shared).lines())
                .startsWith("flush chain ip csumbpf if2")
                .contains("delete set ip csumbpf if2-zero")
                .noneMatch(line -> line.contains("if20"));
    }

    @Test
    void modesBecomeWhatNftablesCanDo() {
        RuleSet rules = rules(null, Map.of(1, AUTO, 2, ZERO, 3, new Rule(Mode.RECOMPUTE, false, false), 4, OBSERVE));
        NftPlan ip = plan(NftPlan.Family.IP, Set.of(2), rules);
        assertThat(ip.sets()).containsOnlyKeys(NftPlan.Kind.ZERO, NftPlan.Kind.OBSERVE);
        assertThat(ip.needsLoopback()).isFalse();
        NftPlan ip6 = plan(NftPlan.Family.IP6, Set.of(2), rules);
        assertThat(ip6.sets().get(NftPlan.Kind.RECOMPUTE)).containsExactly(new Vni(1), new Vni(3));
        assertThat(ip6.sets().get(NftPlan.Kind.ZERO)).containsExactly(new Vni(2));
        assertThat(ip6.needsLoopback()).isTrue();
        assertThat(ip6.rules().get("if2-repair"))
                .extracting(NftTest::withoutComment)
                .contains("@th,96,24 @if2-recompute meta priority set 12b6:2 dup to ::1 device lo drop");
    }

    /** The rule for any VNI comes last, so packets of VNIs with their own rule never reach it. */
    @Test
    void theRuleForAnyVniLeavesTheOthersAlone() {
        NftPlan plan =
                plan(NftPlan.Family.IP, Set.of(2), rules(DROP, Map.of(1, UNVERIFIED, 2, OBSERVE, 3, DROP, 4, ZERO)));
        assertThat(plan.sets().get(NftPlan.Kind.SKIP)).containsExactly(new Vni(1));
        assertThat(plan.sets().get(NftPlan.Kind.PASS)).containsExactly(new Vni(1), new Vni(2), new Vni(4));
        List<String> repair = plan.rules().get("if2-repair").stream()
                .map(NftTest::withoutComment)
                .toList();
        assertThat(repair.get(1)).isEqualTo("@th,96,24 @if2-skip return");
        assertThat(repair.get(repair.size() - 1)).isEqualTo("counter name if2-any-zero udp checksum set 0 return");
        assertThat(plan.rules().get("if2-input"))
                .extracting(rule -> withoutComment(rule).replaceAll(".* == 0x08 ", ""))
                .containsExactly(
                        "@th,96,24 @if2-drop drop", "@th,96,24 @if2-pass return", "counter name if2-any-drop drop");
    }

    private static String verdict(String identified) {
        return identified.replaceFirst(" # .*", "");
    }

    private static String withoutComment(String rule) {
        return rule.replaceAll(" comment \".*", "");
    }

    /** Parses a table, with the recorded elements of its sets. */
    private static NftTable parse(String text) {
        return NftTable.parse(text)
                .withElements(name -> resource(
                        List.of("if2-zero", "if2-drop", "if2-observe").contains(name)
                                ? name + ".json"
                                : "if2-drop.json"));
    }

    private static NftPlan plan(NftPlan.Family family, Set<Integer> receivers, RuleSet rules) {
        return NftPlan.of(family, 2, receivers, rules);
    }

    private static RuleSet rules(Rule any, Map<Integer, Rule> byVni) {
        Map<Vni, Rule> typed = new TreeMap<>();
        byVni.forEach((vni, rule) -> typed.put(new Vni(vni), rule));
        return new RuleSet(4789, true, Optional.ofNullable(any), typed);
    }

    private static String resource(String name) {
        try (InputStream in = NftTest.class.getResourceAsStream("/nft/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
