// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.backstop;

import java.util.Optional;
import org.csumbpf.loader.host.Nftables;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.pin.AttachException;

/** The parts of nftables that csumbpf uses, in the namespace that the caller has entered. */
public final class NftTables {
    private final Nftables nftables;

    private NftTables(Nftables nftables) {
        this.nftables = nftables;
    }

    /** @throws NftablesException nftables is missing, or the kernel refuses */
    public static NftTables here() throws NftablesException {
        return new NftTables(Nftables.here());
    }

    /** Why csumbpf leaves a table csumbpf that somebody else made alone. */
    public static AttachException foreign(NftPlan.Family family) {
        String table = family.label() + " " + NftPlan.TABLE;
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "the nftables table " + table + " was not made by csumbpf",
                "see 'nft list table " + table + "'; 'nft delete table " + table + "' deletes the table");
    }

    /** The family that has a table csumbpf made by somebody else. */
    public Optional<NftPlan.Family> foreign() {
        for (NftPlan.Family family : NftPlan.Family.values()) {
            if (table(family).filter(table -> !table.ours()).isPresent()) {
                return Optional.of(family);
            }
        }
        return Optional.empty();
    }

    /** The table csumbpf of a family, whoever made it. */
    public Optional<NftTable> table(NftPlan.Family family) {
        if (!NftTable.listed(nftables.listText("tables " + family.label()), family)) {
            return Optional.empty();
        }
        String name = family.label() + " " + NftPlan.TABLE;
        NftTable table = NftTable.parse(nftables.listText("table " + name));
        return Optional.of(table.ours() ? table.withElements(set -> nftables.list("set " + name + " " + set)) : table);
    }

    /** In one transaction. */
    public void run(String commands) throws NftablesException {
        nftables.run(commands);
    }

    /** Commands for nft(8) that make nftables match the plans; empty: it does already. */
    public String commands(int ifindex, NftPlans plans) {
        StringBuilder commands = new StringBuilder();
        for (NftPlan.Family family : NftPlan.Family.values()) {
            Optional<NftTable> current = table(family);
            NftPlan plan = plans.byFamily().get(family);
            if (plan != null && current.filter(table -> !table.ours()).isPresent()) {
                throw foreign(family); // made since the last check
            }
            if (plan == null) {
                current.filter(table -> table.ours() && table.holds(ifindex))
                        .ifPresent(table -> commands.append(NftTransaction.remove(family, ifindex, table)));
            } else if (current.filter(table -> table.fulfils(plan)).isEmpty()) {
                commands.append(NftTransaction.make(plan, current));
            }
        }
        return commands.toString();
    }
}
