// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.host.Inet6Addresses;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Nftables;
import org.csumbpf.loader.host.NftablesException;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.HostChange;

/**
 * The second repair path: nftables rules for what IPsec decrypts behind tc, and for IPv6 a program on the loopback device
 * that they send packets over. All of it in the device's network namespace, which the caller has entered.
 */
final class NftBackstop implements AutoCloseable {
    private final Nftables nftables;

    private NftBackstop(Nftables nftables) {
        this.nftables = nftables;
    }

    /**
     * Opens it where it is wanted and can be had, and changes nothing yet.
     *
     * @param result is told why not, where the user left the choice to csumbpf and no rule depends on it
     */
    static Optional<NftBackstop> open(NetDevice device, Backstop wish, RuleSet rules, Result result) {
        if (wish == Backstop.NEVER || !rules.needsProof()) {
            return Optional.empty();
        }
        String why;
        String next;
        try {
            Nftables nftables = Nftables.open();
            NftBackstop backstop = new NftBackstop(nftables);
            Optional<NftPlan.Family> foreign = backstop.foreignTable();
            if (foreign.isEmpty()) {
                return Optional.of(backstop);
            }
            backstop.close();
            AttachException refusal = foreign(foreign.get());
            why = refusal.problem();
            next = refusal.next();
        } catch (NftablesException e) {
            why = e.problem();
            next = e.next();
        }
        if (wish == Backstop.ALWAYS) {
            throw new AttachException(
                    AttachException.Kind.UNSUPPORTED_HOST, device.name() + ": no nftables backstop: " + why, next);
        }
        why = Advised.message(why, next);
        if (rules.dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), why);
        }
        result.warnings()
                .add("no nftables backstop: " + why + "; what bypasses tc, fragmented ESP for one, is not repaired");
        return Optional.empty();
    }

    private static AttachException foreign(NftPlan.Family family) {
        String table = family.label() + " " + NftPlan.TABLE;
        return new AttachException(
                AttachException.Kind.UNSUPPORTED_HOST,
                "the nftables table " + table + " is not csumbpf's",
                "see 'nft list table " + table + "', and delete or rename it");
    }

    private Optional<NftPlan.Family> foreignTable() {
        for (NftPlan.Family family : NftPlan.Family.values()) {
            if (table(family).filter(table -> !table.ours()).isPresent()) {
                return Optional.of(family);
            }
        }
        return Optional.empty();
    }

    private Optional<NftTable> table(NftPlan.Family family) {
        if (!NftTable.listed(nftables.listText("tables " + family.label()), family)) {
            return Optional.empty();
        }
        String name = family.label() + " " + NftPlan.TABLE;
        NftTable table = NftTable.parse(nftables.listText("table " + name));
        return Optional.of(table.ours() ? table.withElements(set -> nftables.list("set " + name + " " + set)) : table);
    }

    /**
     * What an attachment wants.
     *
     * @param byFamily its plans; IPv6 only where the device has addresses for it
     * @param uncovered why IPv6 is not covered although there are addresses
     */
    record Plans(Map<NftPlan.Family, NftPlan> byFamily, Optional<String> uncovered) {
        static Plans of(NetDevice device, RuleSet rules) {
            Set<Integer> receivers = Preflight.withUppers(device);
            Map<NftPlan.Family, NftPlan> plans = new EnumMap<>(NftPlan.Family.class);
            plans.put(NftPlan.Family.IP, NftPlan.of(NftPlan.Family.IP, device.ifindex(), receivers, rules));
            Optional<String> uncovered = Optional.empty();
            if (receivers.stream().anyMatch(Inet6Addresses.globalDevices()::contains)) {
                NftPlan ip6 = NftPlan.of(NftPlan.Family.IP6, device.ifindex(), receivers, rules);
                if (ip6.needsDetour() && !Inet6Addresses.hasLoopback()) {
                    uncovered = Optional.of("IPv6 that bypasses tc is not repaired: the device lo has no address ::1;"
                            + " run 'ip link set lo up', and look at the sysctl net.ipv6.conf.lo.disable_ipv6");
                } else {
                    plans.put(NftPlan.Family.IP6, ip6);
                }
            }
            return new Plans(plans, uncovered);
        }

        Plans onlyIp() {
            return new Plans(Map.of(NftPlan.Family.IP, byFamily.get(NftPlan.Family.IP)), uncovered);
        }

        boolean needsDetour() {
            return byFamily.values().stream().anyMatch(NftPlan::needsDetour);
        }
    }

    /**
     * Brings nftables, in one transaction, and the program on the loopback device into the state that the rules ask for.
     *
     * @return whether they are there; false where the kernel refused and the user left the choice to csumbpf
     */
    boolean apply(HostSetup host, NetDevice device, CsumbpfMaps maps, Backstop wish, RuleSet rules, Result result) {
        Plans plans = Plans.of(device, rules);
        plans.uncovered().ifPresent(why -> {
            if (rules.dropsPlaintext()) {
                throw LinkType.cannotDropFragments(device.name(), why);
            }
            result.warnings().add(why);
        });
        boolean noted = host.has(HostChange.NFTABLES);
        try {
            try {
                apply(host, device, maps, plans, rules, result);
            } catch (NftablesException e) {
                if (!plans.byFamily().containsKey(NftPlan.Family.IP6) || rules.dropsPlaintext()) {
                    throw e;
                }
                // A kernel without nft_dup_ipv6, say: better half of it than nothing.
                apply(host, device, maps, plans.onlyIp(), rules, result);
                result.warnings().add("IPv6 that bypasses tc is not repaired: " + e.getMessage());
            }
            return true;
        } catch (NftablesException e) {
            if (!noted) {
                host.cross(HostChange.NFTABLES);
                host.undoDetour();
            }
            if (wish == Backstop.ALWAYS) {
                throw new AttachException(
                        AttachException.Kind.KERNEL_REFUSED,
                        device.name() + ": no nftables backstop: " + e.problem(),
                        e.next(),
                        e);
            }
            if (rules.dropsPlaintext()) {
                throw LinkType.cannotDropFragments(device.name(), e.getMessage());
            }
            result.warnings()
                    .add("no nftables backstop: " + e.getMessage()
                            + "; what bypasses tc, fragmented ESP for one, is not repaired");
            return noted;
        }
    }

    private void apply(HostSetup host, NetDevice device, CsumbpfMaps maps, Plans plans, RuleSet rules, Result result) {
        boolean noted = host.has(HostChange.NFTABLES);
        wake(plans, result);
        if (plans.needsDetour()) {
            maps.countBackstop(rules.byVni().keySet(), rules.any().isPresent());
            hangDetour(host, maps, result);
        }
        String commands = commands(device.ifindex(), plans);
        // Rules that are as they should be may be those of an attachment whose pins are lost: from now on they are this
        // one's.
        host.note(HostChange.NFTABLES);
        if (!commands.isEmpty()) {
            nftables.run(commands);
            result.changes().add(noted ? "changed the nftables backstop" : "added the nftables backstop");
        }
        if (!plans.needsDetour()) {
            host.undoDetour();
        }
    }

    private void wake(Plans plans, Result result) {
        for (NftPlan.Family family : plans.byFamily().keySet()) {
            if (table(family).filter(table -> table.ours() && table.dormant()).isPresent()) {
                nftables.run(NftTransaction.wake(family));
                result.changes().add("woke the nftables table " + family.label() + " " + NftPlan.TABLE);
            }
        }
    }

    /** What nft(8) has to be told for the plans to come true; empty: nothing. */
    String commands(int ifindex, Plans plans) {
        StringBuilder commands = new StringBuilder();
        for (NftPlan.Family family : NftPlan.Family.values()) {
            Optional<NftTable> current = table(family);
            NftPlan plan = plans.byFamily().get(family);
            if (plan != null && current.filter(table -> !table.ours()).isPresent()) {
                throw foreign(family); // since a moment ago
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

    private static void hangDetour(HostSetup host, CsumbpfMaps maps, Result result) {
        HookPlace place = HookPlace.detour(host.pins());
        Optional<LiveHook> live = LiveHook.find(place);
        try (CsumbpfObject object = CsumbpfObject.open().only(CsumbpfObject.DETOUR);
                CsumbpfMaps same = object.load(maps);
                BpfProgram program = object.detour()) {
            if (live.isEmpty()) {
                host.note(HostChange.DETOUR);
                LiveHook.attach(place, maps.record(), program, Optional.empty());
                result.changes().add("hung " + CsumbpfObject.DETOUR + " on lo, for IPv6");
            } else if (!live.get().tag().equals(program.info().tag())) {
                live.get().replace(program);
            }
        }
    }

    /** Takes an attachment's part out of our tables; also where its record is lost. */
    static void remove(int ifindex, Result result) {
        try (NftBackstop backstop = new NftBackstop(Nftables.open())) {
            StringBuilder commands = new StringBuilder();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                backstop.table(family)
                        .filter(table -> table.ours() && table.holds(ifindex))
                        .ifPresent(table -> commands.append(NftTransaction.remove(family, ifindex, table)));
            }
            if (commands.length() > 0) {
                backstop.nftables.run(commands.toString());
                result.changes().add("removed the nftables backstop");
            }
        } catch (NftablesException e) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED, "remove the nftables backstop: " + e.problem(), e.next(), e);
        }
    }

    /**
     * What is there now, for status. Reads only.
     *
     * @param wanted what the user asked for
     * @param noted whether attach set it up
     */
    static BackstopView read(PinDirectory pins, NetDevice device, Backstop wanted, boolean noted, RuleSet rules) {
        if (wanted == Backstop.NEVER || !rules.needsProof()) {
            return BackstopView.without(wanted, BackstopView.State.OFF, "not wanted");
        }
        if (!noted) {
            return BackstopView.without(
                    wanted, BackstopView.State.UNAVAILABLE, "nftables could not be used; attach says why");
        }
        try (NftBackstop backstop = new NftBackstop(Nftables.open())) {
            Plans plans = Plans.of(device, rules);
            List<NftTable> tables = new ArrayList<>();
            List<String> lost = new ArrayList<>();
            for (NftPlan.Family family : NftPlan.Family.values()) {
                String name = "the nftables table " + family.label() + " " + NftPlan.TABLE;
                Optional<NftTable> table = backstop.table(family).filter(NftTable::ours);
                table.ifPresent(tables::add);
                NftPlan plan = plans.byFamily().get(family);
                if (plan != null && table.isEmpty()) {
                    lost.add(name + " is gone");
                } else if (plan != null && table.get().dormant()) {
                    lost.add(name + " is dormant");
                } else if (plan != null && !table.get().fulfils(plan)) {
                    lost.add(name + " is not as this device and its rules want it");
                }
            }
            if (plans.needsDetour() && LiveHook.find(HookPlace.detour(pins)).isEmpty()) {
                lost.add(CsumbpfObject.DETOUR + " does not hang on lo");
            }
            plans.uncovered().ifPresent(lost::add);
            return BackstopView.of(
                    wanted,
                    lost.isEmpty() ? BackstopView.State.ON : BackstopView.State.LOST,
                    lost.isEmpty()
                            ? plans.byFamily().containsKey(NftPlan.Family.IP6) ? "IPv4 and IPv6" : "IPv4"
                            : String.join("; ", lost),
                    device.ifindex(),
                    tables);
        } catch (NftablesException e) {
            return BackstopView.without(wanted, BackstopView.State.UNAVAILABLE, e.getMessage());
        }
    }

    @Override
    public void close() {
        nftables.close();
    }
}
