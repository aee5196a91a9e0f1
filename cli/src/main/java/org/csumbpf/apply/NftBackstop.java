// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.apply;

import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.backstop.NftPlan;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.backstop.NftTables;
import org.csumbpf.backstop.NftTransaction;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;
import org.csumbpf.pin.AttachException;
import org.csumbpf.pin.AttachPoint;
import org.csumbpf.pin.LiveHook;
import org.csumbpf.pin.PinDirectory;
import org.csumbpf.plan.AttachPlan;
import org.csumbpf.plan.NftAvailability;
import org.csumbpf.snapshot.Preflight;

/**
 * The second repair path: nftables rules for packets that IPsec decrypts after tc. For IPv6 they send packets over the
 * loopback device, to a program there. All in the device's network namespace, which the caller has entered.
 */
final class NftBackstop {
    private final NftTables nftables;
    private final NftAvailability availability;

    private NftBackstop(NftTables nftables, NftAvailability availability) {
        this.nftables = nftables;
        this.availability = availability;
    }

    /** Looks whether nftables can be used, if a backstop is wanted. Changes nothing. */
    static NftBackstop of(Backstop wish, RuleSet rules) {
        if (!AttachPlan.wantsBackstop(wish, rules)) {
            return new NftBackstop(null, NftAvailability.NOT_WANTED);
        }
        try {
            NftTables nftables = NftTables.here();
            Optional<NftPlan.Family> foreign = nftables.foreign();
            if (foreign.isEmpty()) {
                return new NftBackstop(nftables, NftAvailability.USABLE);
            }
            AttachException refusal = NftTables.foreign(foreign.get());
            return new NftBackstop(null, NftAvailability.unusable(refusal.problem(), refusal.next()));
        } catch (NftablesException e) {
            return new NftBackstop(null, NftAvailability.unusable(e.problem(), e.next()));
        }
    }

    NftAvailability availability() {
        return availability;
    }

    /**
     * Sets up nftables, in one transaction, and the program on the loopback device, as planned.
     *
     * @return whether they are there; false if the kernel refused and the user left the choice to csumbpf
     */
    boolean apply(
            HostSetup host,
            NetDevice device,
            CsumbpfMaps maps,
            NftPlans plans,
            Backstop wish,
            RuleSet rules,
            Result result) {
        boolean recorded = host.has(HostChange.NFTABLES);
        try {
            try {
                apply(host, device, maps, plans, rules, result);
            } catch (NftablesException e) {
                if (!plans.byFamily().containsKey(NftPlan.Family.IP6) || rules.dropsPlaintext()) {
                    throw e;
                }
                // For example a kernel without nft_dup_ipv6. Repairing only IPv4 is better than nothing.
                apply(host, device, maps, plans.onlyIp(), rules, result);
                result.warn(Preflight.ipv6Uncovered(
                        device.name(), "IPv6 that is decrypted after tc is not repaired: " + e.getMessage()));
            }
            return true;
        } catch (NftablesException e) {
            if (!recorded) {
                host.clearChange(HostChange.NFTABLES);
                host.undoLoopback();
            }
            // Only now is it known that nftables cannot be used.
            AttachPlan.checkBackstop(device, wish, rules, NftAvailability.refused(e))
                    .forEach(result::warn);
            return recorded;
        }
    }

    private void apply(
            HostSetup host, NetDevice device, CsumbpfMaps maps, NftPlans plans, RuleSet rules, Result result) {
        boolean recorded = host.has(HostChange.NFTABLES);
        wake(plans, result);
        if (plans.needsLoopback()) {
            maps.countBackstop(rules.byVni().keySet(), rules.any().isPresent());
            attachLoopback(host, maps, result);
        }
        String commands = nftables.commands(device.ifindex(), plans);
        // Recorded even if no rule changes: correct rules may be left of an attachment whose pins are lost. This
        // attachment takes them over.
        host.recordChange(HostChange.NFTABLES);
        if (!commands.isEmpty()) {
            nftables.run(commands);
            result.add(recorded ? Change.Id.BACKSTOP_CHANGED : Change.Id.BACKSTOP_ADDED);
        }
        if (!plans.needsLoopback()) {
            host.undoLoopback();
        }
    }

    private void wake(NftPlans plans, Result result) {
        for (NftPlan.Family family : plans.byFamily().keySet()) {
            if (nftables.table(family)
                    .filter(table -> table.ours() && table.dormant())
                    .isPresent()) {
                nftables.run(NftTransaction.wake(family));
                result.add(Change.Id.TABLE_WOKEN, family.label() + " " + NftPlan.TABLE);
            }
        }
    }

    private static void attachLoopback(HostSetup host, CsumbpfMaps maps, Result result) {
        AttachPoint point = AttachPoint.loopback(host.pins());
        Optional<LiveHook> live = LiveHook.find(point);
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.LOOPBACK);
                CsumbpfMaps same = object.load(maps);
                BpfProgram program = object.loopback()) {
            if (live.isEmpty()) {
                host.recordChange(HostChange.LOOPBACK);
                LiveHook.attach(point, maps.record(), program, Optional.empty());
                result.add(Change.Id.DETOUR_ATTACHED, CsumbpfObject.LOOPBACK);
            } else if (!isSame(live.get(), program, maps)) {
                live.get().replace(program);
            }
        }
    }

    /** Whether the running program has the same instructions, and counts in these maps. */
    private static boolean isSame(LiveHook live, BpfProgram program, CsumbpfMaps maps) {
        try (BpfProgram running = live.program()) {
            return running.info().tag().equals(program.info().tag())
                    && running.info().mapIds().contains(maps.record().id());
        }
    }

    /** What there is of an attachment's backstop, also if its record is lost. */
    static Set<HostChange> standing(PinDirectory pins) {
        Set<HostChange> changes = EnumSet.noneOf(HostChange.class);
        LiveHook.find(AttachPoint.loopback(pins)).ifPresent(live -> changes.add(HostChange.LOOPBACK));
        try {
            NftTables nftables = NftTables.here();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                nftables.table(family)
                        .filter(table -> table.ours() && table.holds(pins.ifindex()))
                        .ifPresent(table -> changes.add(HostChange.NFTABLES));
            }
        } catch (NftablesException e) {
            // Then there are no rules that this command could remove.
        }
        return changes;
    }

    /** Removes an attachment's rules from our tables, also if its record is lost. */
    static void remove(int ifindex, Result result) {
        try {
            NftTables nftables = NftTables.here();
            StringBuilder commands = new StringBuilder();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                nftables.table(family)
                        .filter(table -> table.ours() && table.holds(ifindex))
                        .ifPresent(table -> commands.append(NftTransaction.remove(family, ifindex, table)));
            }
            if (commands.length() > 0) {
                nftables.run(commands.toString());
                result.add(Change.Id.BACKSTOP_REMOVED);
            }
        } catch (NftablesException e) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED,
                    "remove the nftables backstop failed: " + e.problem(),
                    e.next(),
                    e);
        }
    }
}
