// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.csumbpf.maps.Vni;

/**
 * Commands for nft(8) that change a table into what is planned, to be run as one transaction. Elements that stay are
 * not touched, so that they keep their counts. Does not ask the kernel.
 */
public final class NftTransaction {
    private final StringBuilder commands = new StringBuilder();
    private final String table;

    private NftTransaction(NftPlan.Family family) {
        table = family.label() + " " + NftPlan.TABLE;
    }

    /** @param current empty: there is no such table */
    static String make(NftPlan plan, Optional<NftTable> current) {
        NftTransaction transaction = new NftTransaction(plan.family());
        // "create" fails if somebody made one meanwhile.
        transaction.say(current.isPresent() ? "add table" : "create table", "", "");
        NftTable now = current.orElse(NftTable.NONE);
        transaction.flush(now, plan.ifindex());
        // The hook and priority of a chain cannot be changed.
        transaction.delete(
                "delete chain",
                now.chains().keySet(),
                name -> plan.chains().containsKey(name)
                        && !now.chains().get(name).equals(plan.chains().get(name)));
        plan.chains()
                .forEach(
                        (chain, hook) -> transaction.say("add chain", chain, hook.isEmpty() ? "" : "{ " + hook + " }"));
        plan.sets().forEach((kind, vnis) -> {
            String set = plan.set(kind);
            transaction.say("add set", set, "{ " + plan.declaration(kind) + " }");
            SortedSet<Vni> there =
                    new TreeSet<>(now.sets().getOrDefault(set, Map.of()).keySet());
            transaction.elements("delete element", set, without(there, vnis));
            transaction.elements("add element", set, without(vnis, there));
        });
        plan.counters().forEach(counter -> {
            if (!now.counters().containsKey(counter)) {
                transaction.say("add counter", counter, "");
            }
        });
        plan.rules().forEach((chain, rules) -> rules.forEach(rule -> transaction.say("add rule", chain, rule)));
        transaction.delete(
                now,
                name -> NftPlan.owns(plan.ifindex(), name)
                        && !plan.chains().containsKey(name)
                        && plan.sets().keySet().stream().map(plan::set).noneMatch(name::equals)
                        && !plan.counters().contains(name));
        return transaction.commands.toString();
    }

    /** Wakes a dormant table. Needs a transaction of its own: newer kernels reject a new chain in the same one. */
    public static String wake(NftPlan.Family family) {
        NftTransaction transaction = new NftTransaction(family);
        transaction.say("add table", "", "");
        return transaction.commands.toString();
    }

    /** Removes an attachment's part of a table, and the table too if nothing else is in it. */
    public static String remove(NftPlan.Family family, int ifindex, NftTable current) {
        NftTransaction transaction = new NftTransaction(family);
        if (current.names().allMatch(name -> NftPlan.owns(ifindex, name))) {
            transaction.say("delete table", "", "");
        } else {
            transaction.flush(current, ifindex);
            transaction.delete(current, name -> NftPlan.owns(ifindex, name));
        }
        return transaction.commands.toString();
    }

    private void flush(NftTable now, int ifindex) {
        now.chains().keySet().stream()
                .filter(chain -> NftPlan.owns(ifindex, chain))
                .forEach(chain -> say("flush chain", chain, ""));
    }

    /** Comes after the rules that refer to these names are removed. */
    private void delete(NftTable now, Predicate<String> unwanted) {
        delete("delete chain", now.chains().keySet(), unwanted);
        delete("delete set", now.sets().keySet(), unwanted);
        delete("delete counter", now.counters().keySet(), unwanted);
    }

    private void delete(String verb, Collection<String> names, Predicate<String> unwanted) {
        names.stream().filter(unwanted).forEach(name -> say(verb, name, ""));
    }

    private void elements(String verb, String set, Collection<Vni> vnis) {
        if (!vnis.isEmpty()) {
            say(
                    verb,
                    set,
                    vnis.stream()
                            .map(vni -> "0x" + Integer.toHexString(vni.value()))
                            .collect(Collectors.joining(", ", "{ ", " }")));
        }
    }

    private static List<Vni> without(Collection<Vni> vnis, Collection<Vni> others) {
        return vnis.stream().filter(vni -> !others.contains(vni)).toList();
    }

    private void say(String verb, String name, String rest) {
        commands.append(verb).append(' ').append(table);
        for (String word : List.of(name, rest)) {
            if (!word.isEmpty()) {
                commands.append(' ').append(word);
            }
        }
        commands.append('\n');
    }
}
