// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.pin.AttachException;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.HostSnapshot;
import org.csumbpf.snapshot.LinkType;
import org.csumbpf.snapshot.NamespaceSnapshot;
import org.csumbpf.snapshot.OffloadSafety;
import org.csumbpf.snapshot.Preflight;

/**
 * The steps that turn what stands of an attachment into what is asked for. Decided from the snapshot, the wish and the
 * standing attachment alone. Planning changes nothing.
 *
 * @param steps in order
 * @param findings what the user should know although the steps succeed
 */
public record AttachPlan(List<Step> steps, List<Finding> findings) {
    public AttachPlan {
        steps = List.copyOf(steps);
        findings = List.copyOf(findings);
    }

    /** Whether an attachment with these wishes gets a backstop if nftables works. */
    public static boolean wantsBackstop(Backstop wish, RuleSet rules) {
        return wish != Backstop.NEVER && rules.needsProof();
    }

    /**
     * Refuses what cannot work, before anything is changed. With a backstop, packets need not be decrypted before tc.
     *
     * @return what the user should know although attaching works
     * @throws AttachException why it cannot work
     */
    public static List<Finding> check(
            HostSnapshot host,
            NamespaceSnapshot netns,
            NetDevice device,
            DesiredAttachment desired,
            NftAvailability nftables) {
        RuleSet rules = desired.rules();
        List<Finding> findings =
                new ArrayList<>(checkBackstop(device, desired.options().backstop(), rules, nftables));
        if (!nftables.usable() && rules.dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), "--backstop never");
        }
        if (rules.byVni().size() > CsumbpfMaps.RULES_MAX) {
            throw new AttachException(
                    AttachException.Kind.KERNEL_REFUSED,
                    "attach to " + device.name() + " failed: " + rules.byVni().size() + " rules do not fit ("
                            + Errno.describe(Errno.E2BIG) + "; room for " + CsumbpfMaps.RULES_MAX + ")",
                    "use --vni any");
        }
        if (!rules.needsProof() || desired.options().force() || nftables.usable()) {
            return findings;
        }
        List<Finding> obstacles = new ArrayList<>(
                Preflight.receivePath(host, netns, device, desired.options().enableGro()));
        if (LinkType.decryptsBeforeTc(device)) { // else no module makes a difference
            Preflight.module(host, Preflight.ESP4_OFFLOAD).ifPresent(obstacles::add);
        }
        if (!obstacles.isEmpty()) {
            throw Preflight.refusal(device.name(), obstacles, desired.options().backstop(), findings);
        }
        return findings;
    }

    /** As {@link #check}, for the nftables backstop alone. */
    public static List<Finding> checkBackstop(
            NetDevice device, Backstop wish, RuleSet rules, NftAvailability nftables) {
        if (nftables.problem().isEmpty()) {
            return List.of();
        }
        if (wish == Backstop.ALWAYS) {
            String problem = "set up the nftables backstop of " + device.name() + " failed: "
                    + nftables.problem().get();
            throw nftables.refusal() == null
                    ? new AttachException(AttachException.Kind.UNSUPPORTED_HOST, problem, nftables.next())
                    : new AttachException(
                            AttachException.Kind.KERNEL_REFUSED, problem, nftables.next(), nftables.refusal());
        }
        String why = nftables.why().orElseThrow();
        if (rules.dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), why);
        }
        return List.of(Preflight.withoutBackstop(device.name(), why));
    }

    /**
     * The plan of attach and restore.
     *
     * @param nftables whether the attachment gets a backstop
     * @throws AttachException no path could repair decrypted packets
     */
    public static AttachPlan of(
            HostSnapshot host,
            NamespaceSnapshot netns,
            NetDevice device,
            DesiredAttachment desired,
            Standing standing,
            boolean nftables) {
        Planner planner = new Planner(host, netns, device, desired, standing, nftables);
        Optional<Hook> hook = Optional.of(desired.options().hook()).filter(wish -> wish != Hook.NONE);
        if (standing.isWithoutProgram()) {
            planner.steps.add(new Step.Make(desired.rules().withBackstop(nftables)));
            planner.host();
            planner.steps.add(new Step.Attach(hook));
            planner.backstop().ifPresent(planner.steps::add);
            planner.removeBackstop();
            planner.steps.add(new Step.TakeBaseline());
            return planner.plan();
        }
        if (standing.state() == Standing.State.PINNED) {
            planner.steps.add(new Step.Reattach(hook));
        }
        planner.host();
        if (!standing.options().equals(desired.options())) {
            planner.steps.add(new Step.RecordOptions(standing.options(), desired.options()));
        }
        planner.rules();
        return planner.plan();
    }

    /**
     * The plan of a change of rules of a running attachment. The host stays as it is, unless the first rule that
     * needs proof needs modules.
     */
    public static AttachPlan ofRules(
            HostSnapshot host,
            NamespaceSnapshot netns,
            NetDevice device,
            DesiredAttachment desired,
            Standing standing,
            boolean nftables) {
        Planner planner = new Planner(host, netns, device, desired, standing, nftables);
        RuleSet before = standing.rules().orElseThrow();
        RuleSet wanted = desired.rules();
        if (!nftables && wanted.dropsPlaintext() && !before.dropsPlaintext()) {
            throw LinkType.cannotDropFragments(device.name(), "--backstop never");
        }
        if (wanted.needsProof() && !before.needsProof()) {
            planner.modules(false);
            if (!nftables) {
                planner.findings.addAll(Preflight.receivePath(host, netns, device, false));
            }
        }
        planner.rules();
        return planner.plan();
    }

    /**
     * What a missing module means for the attachment.
     *
     * @param obstacle why the module is missing
     * @param backstop whether the backstop repairs what the module would bring to tc
     * @param required whether to refuse if no path is left
     * @return what the user should know; empty: nothing that matters
     * @throws AttachException no path could repair decrypted packets
     */
    public static Optional<Finding> without(
            Finding obstacle, NetDevice device, DesiredAttachment desired, boolean backstop, boolean required) {
        boolean esp6 = obstacle.subject().equals(Preflight.ESP6_OFFLOAD);
        if (backstop) {
            // With a backstop a missing module loses nothing. A module that would do harm is reported all the same.
            return Optional.of(obstacle)
                    .filter(finding -> finding.id() == Finding.Id.MODULE_UNSAFE && !esp6)
                    .map(Finding::withoutRemedies);
        }
        if (esp6) {
            return Optional.of(obstacle.because("ESP over IPv6 is not repaired: "));
        }
        if (!required) {
            return Optional.of(obstacle);
        }
        throw Preflight.refusal(
                device.name(), List.of(obstacle), desired.options().backstop(), List.of());
    }

    /** Collects the steps. */
    private static final class Planner {
        private final HostSnapshot host;
        private final NamespaceSnapshot netns;
        private final NetDevice device;
        private final DesiredAttachment desired;
        private final Standing standing;
        private final boolean nftables;
        private final List<Step> steps = new ArrayList<>();
        private final List<Finding> findings = new ArrayList<>();

        Planner(
                HostSnapshot host,
                NamespaceSnapshot netns,
                NetDevice device,
                DesiredAttachment desired,
                Standing standing,
                boolean nftables) {
            this.host = host;
            this.netns = netns;
            this.device = device;
            this.desired = desired;
            this.standing = standing;
            this.nftables = nftables;
        }

        AttachPlan plan() {
            return new AttachPlan(steps, findings);
        }

        /** The steps on the host that come before the hook is attached or gets other rules. */
        void host() {
            if (desired.options().enableGro() && !netns.gro().test(device.name())) {
                steps.add(new Step.SwitchGroOn());
            }
            if (desired.rules().needsProof()) {
                modules(!desired.options().force());
            }
        }

        /** @param required refuse if a module is missing and nothing replaces it */
        void modules(boolean required) {
            if (!LinkType.decryptsBeforeTc(device)) {
                return;
            }
            ModulePlan.Module esp4 = module(Preflight.ESP4_OFFLOAD, HostChange.ESP4_OFFLOAD);
            ModulePlan.Module esp6 = module(Preflight.ESP6_OFFLOAD, HostChange.ESP6_OFFLOAD);
            boolean ours = esp4.recorded() || esp6.recorded();
            if (!ours) {
                OffloadSafety.harmBy(host, netns, esp4.name(), Optional.empty()).ifPresent(findings::add);
            }
            Optional<String> harm = ours || esp4.state() == KernelModule.State.LOADABLE
                    ? host.harmAnywhere().get()
                    : Optional.empty();
            ModulePlan plan = ModulePlan.of(esp4, esp6, netns.hasIpv6Esp(), harm, required);
            // A standing attachment loses a module that has become harmful. It then repairs less, which is reported.
            boolean refuse = required && standing.isWithoutProgram();
            for (Finding obstacle : plan.findings()) {
                without(obstacle, device, desired, nftables, refuse).ifPresent(findings::add);
            }
            steps.addAll(plan.steps());
        }

        private ModulePlan.Module module(String name, HostChange change) {
            return new ModulePlan.Module(
                    name, host.module(name), standing.changes().contains(change));
        }

        /** Both paths. The backstop comes first, because it can be undone as a whole. */
        void rules() {
            backstop().ifPresent(steps::add);
            steps.add(new Step.WriteRules(desired.rules()));
            removeBackstop();
            steps.add(new Step.TakeBaseline());
        }

        private void removeBackstop() {
            if (!nftables && hasBackstop(standing.changes())) {
                steps.add(new Step.RemoveBackstop());
            }
        }

        private static boolean hasBackstop(Set<HostChange> changes) {
            return changes.contains(HostChange.NFTABLES)
                    || changes.contains(HostChange.LOOPBACK)
                    || changes.contains(HostChange.LO_CLSACT);
        }

        Optional<Step> backstop() {
            if (!nftables) {
                return Optional.empty();
            }
            NftPlans plans = netns.nftPlans(device, desired.rules());
            plans.uncovered().ifPresent(why -> {
                if (desired.rules().dropsPlaintext()) {
                    throw LinkType.cannotDropFragments(device.name(), why);
                }
                findings.add(Preflight.ipv6Uncovered(device.name(), why));
            });
            return Optional.of(new Step.SetBackstop(plans, desired.rules()));
        }
    }
}
