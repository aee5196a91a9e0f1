// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.junit.jupiter.api.Test;

/** What is asked of nftables, what is read back, and the way from the one to the other: on recorded output, without nftables. */
class NftTest {
    private static final Rule DROP = new Rule(Mode.AUTO, true, false);
    private static final Rule AUTO = new Rule(Mode.AUTO, false, false);
    private static final Rule ZERO = new Rule(Mode.ZERO, false, false);
    private static final Rule OBSERVE = new Rule(Mode.OBSERVE, false, false);
    private static final Rule UNVERIFIED = new Rule(Mode.AUTO, false, true);

    /** The rules of the recorded table. */
    private static final RuleSet RECORDED = rules(null, Map.of(4109, DROP, 4110, DROP, 4111, OBSERVE));

    private final NftTable table = NftTable.parse(resource("table.json"));

    @Test
    void aTableIsFoundByFamilyAndName() {
        assertThat(NftTable.listed(resource("tables.json"), NftPlan.Family.IP)).isTrue();
        assertThat(NftTable.listed(resource("tables.json").replace("ip6", "inet"), NftPlan.Family.IP6))
                .isFalse();
        assertThatThrownBy(() -> NftTable.listed("{}", NftPlan.Family.IP)).hasMessageContaining("nftables");
    }

    @Test
    void chainsSetsAndCountsAreRead() {
        assertThat(table.ours()).isTrue();
        assertThat(table.rules()).isEqualTo(Map.of("if2", 1, "if2-repair", 3, "if2-input", 1));
        assertThat(table.sets().get("if2-zero"))
                .isEqualTo(Map.of(new Vni(4109), new Count(12, 1300), new Vni(4110), Count.NONE));
        assertThat(table.sets()).containsOnlyKeys("if2-zero", "if2-drop", "if2-observe");
        BackstopView view = BackstopView.of(Backstop.AUTO, BackstopView.State.ON, "", 2, List.of(table));
        assertThat(view.byVni().get(new Vni(4109)).get(BackstopCounters.Outcome.REPAIRED))
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
        NftTable oneRuleLess =
                NftTable.parse(resource("table.json").replaceFirst("\"chain\": \"if2-input\"", "\"chain\": \"x\""));
        assertThat(oneRuleLess.fulfils(plan(NftPlan.Family.IP, Set.of(2), RECORDED)))
                .isFalse();
    }

    @Test
    void aTableWithoutOurMarkIsNotOursUnlessItIsAllOurNames() {
        String unmarked = resource("table.json").replace("csumbpf attach;", "mine;");
        assertThat(NftTable.parse(unmarked).ours()).as("rules flushed").isTrue();
        assertThat(NftTable.parse(unmarked.replace("if2-input", "input")).ours())
                .isFalse();
        assertThat(NftTable.parse(unmarked.replace("if2-zero", "if2-other")).ours())
                .isFalse();
        assertThat(NftTable.parse("{\"nftables\": []}").ours())
                .as("an empty table")
                .isFalse();
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
        NftTable shared = NftTable.parse(resource("table.json").replace("if2-observe", "if20-observe"));
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
        assertThat(ip.needsDetour()).isFalse();
        NftPlan ip6 = plan(NftPlan.Family.IP6, Set.of(2), rules);
        assertThat(ip6.sets().get(NftPlan.Kind.RECOMPUTE)).containsExactly(new Vni(1), new Vni(3));
        assertThat(ip6.sets().get(NftPlan.Kind.ZERO)).containsExactly(new Vni(2));
        assertThat(ip6.needsDetour()).isTrue();
        assertThat(ip6.rules().get("if2-repair"))
                .contains("@th,96,24 @if2-recompute meta priority set 12b6:2 dup to ::1 device lo drop");
    }

    /** The rule for any VNI comes last, and what has a rule of its own never gets there. */
    @Test
    void theRuleForAnyVniLeavesTheOthersAlone() {
        NftPlan plan =
                plan(NftPlan.Family.IP, Set.of(2), rules(DROP, Map.of(1, UNVERIFIED, 2, OBSERVE, 3, DROP, 4, ZERO)));
        assertThat(plan.sets().get(NftPlan.Kind.SKIP)).containsExactly(new Vni(1));
        assertThat(plan.sets().get(NftPlan.Kind.PASS)).containsExactly(new Vni(1), new Vni(2), new Vni(4));
        List<String> repair = plan.rules().get("if2-repair");
        assertThat(repair.get(1)).isEqualTo("@th,96,24 @if2-skip return");
        assertThat(repair.get(repair.size() - 1)).isEqualTo("counter name if2-any-zero udp checksum set 0 return");
        assertThat(plan.rules().get("if2-input"))
                .extracting(rule -> rule.replaceAll(".* == 0x08 ", ""))
                .containsExactly(
                        "@th,96,24 @if2-drop drop", "@th,96,24 @if2-pass return", "counter name if2-any-drop drop");
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
