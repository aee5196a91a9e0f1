// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.Inet6Addresses;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.SecurityAssociation;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.AttachException;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.HostSnapshot;
import org.csumbpf.snapshot.MovedDevices;
import org.csumbpf.snapshot.NamespaceSnapshot;
import org.csumbpf.snapshot.Preflight;
import org.csumbpf.snapshot.Reading;
import org.junit.jupiter.api.Test;

/** What AttachPlan decides, for invented hosts. AttachTest and FaultTest have real ones. */
class AttachPlanTest {
    private static final NetDevice ETH0 = device(2, "eth0", 1, "");
    private static final NetDevice TUN0 = device(3, "tun0", 65534, "tun");
    private static final AttachOptions DEFAULT = AttachOptions.DEFAULT;
    private static final AttachOptions NEVER = new AttachOptions(Hook.NONE, Backstop.NEVER, false, false);
    private static final RuleSet PROOF = rules(new Rule(Mode.AUTO, false, false));
    private static final RuleSet DROP = rules(new Rule(Mode.AUTO, true, false));
    private static final RuleSet UNVERIFIED = rules(new Rule(Mode.AUTO, false, true));

    /** An invented host. */
    private static final class Host {
        final Map<String, KernelModule.State> modules = new HashMap<>(Map.of(
                Preflight.ESP4_OFFLOAD, KernelModule.State.LOADABLE,
                Preflight.ESP6_OFFLOAD, KernelModule.State.LOADABLE));
        final Set<String> withoutGro = new HashSet<>();
        final List<SecurityAssociation> associations = new ArrayList<>();
        Reading<Optional<String>> harm = Reading.known(Optional.empty());
        Inet6Addresses inet6 = new Inet6Addresses(Set.of(), true);
        NetDevice device = ETH0;
        DesiredAttachment desired = new DesiredAttachment("eth0", PROOF, DEFAULT);
        boolean nftables = true;

        NamespaceSnapshot netns() {
            return new NamespaceSnapshot(
                    Reading.known(List.of(ETH0, TUN0)),
                    Reading.known(List.of()),
                    Reading.known(inet6),
                    Reading.known(associations),
                    Reading.of(() -> List.of()),
                    name -> !withoutGro.contains(name));
        }

        HostSnapshot snapshot() {
            return new HostSnapshot(
                    Reading.known(new KernelRelease(6, 1, "6.1.0")),
                    modules::get,
                    any -> netns(),
                    new MovedDevices(),
                    Reading.known(Optional.empty()),
                    harm);
        }

        Host asks(RuleSet rules, AttachOptions options) {
            desired = new DesiredAttachment(device.name(), rules, options);
            nftables = AttachPlan.wantsBackstop(options.backstop(), rules);
            return this;
        }

        AttachPlan plan(Standing standing) {
            return AttachPlan.of(snapshot(), netns(), device, desired, standing, nftables);
        }

        List<Finding> check(NftAvailability availability) {
            return AttachPlan.check(snapshot(), netns(), device, desired, availability);
        }
    }

    private final Host host = new Host();

    @Test
    void aNewAttachmentIsMadeBeforeItIsAttachedAndAttachedBeforeNftables() {
        assertThat(words(host.plan(nothing())))
                .containsExactly("Make", "LoadModule", "Attach", "SetBackstop", "TakeBaseline");
        assertThat(first(host, Step.Make.class).rules().backstop()).isTrue();
    }

    @Test
    void theHostIsChangedOnlyWhereItHasTo() {
        host.asks(UNVERIFIED, new AttachOptions(Hook.CLSACT, Backstop.AUTO, false, true));
        assertThat(words(host.plan(nothing())))
                .as("no proof, GRO on")
                .containsExactly("Make", "Attach", "TakeBaseline");
        assertThat(first(host, Step.Attach.class).hook()).contains(Hook.CLSACT);
        host.withoutGro.add("eth0");
        assertThat(words(host.plan(nothing()))).containsExactly("Make", "SwitchGroOn", "Attach", "TakeBaseline");

        host.asks(PROOF, DEFAULT);
        assertThat(words(host.plan(nothing()))).as("GRO not asked for").doesNotContain("SwitchGroOn");
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.BUILT_IN);
        assertThat(words(host.plan(nothing()))).doesNotContain("LoadModule");
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.LOADABLE);
        host.device = TUN0;
        assertThat(words(host.plan(nothing())))
                .as("decrypts after tc in any case")
                .doesNotContain("LoadModule");
    }

    @Test
    void whatIsAsAskedForGetsNoStepThatChangesTheHost() {
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.LOADED);
        assertThat(words(host.plan(attached(PROOF, DEFAULT))))
                .containsExactly("SetBackstop", "WriteRules", "TakeBaseline");
        assertThat(words(host.plan(new Standing(Standing.State.PINNED, Optional.of(PROOF), DEFAULT, Set.of()))))
                .startsWith("Reattach");
    }

    @Test
    void aBackstopThatIsNotWantedAnyMoreGoesLast() {
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.LOADED);
        host.asks(PROOF, NEVER);
        assertThat(words(host.plan(attached(PROOF, DEFAULT, HostChange.NFTABLES))))
                .containsExactly("RecordOptions", "WriteRules", "RemoveBackstop", "TakeBaseline");
        assertThat(words(host.plan(attached(PROOF, DEFAULT))))
                .as("there is none")
                .doesNotContain("RemoveBackstop");
    }

    @Test
    void modulesThatHarmAreNotLoaded() {
        host.harm = Reading.known(Optional.of("IPComp"));
        assertThat(words(host.plan(nothing()))).doesNotContain("LoadModule");
        assertThat(host.plan(nothing()).findings())
                .as("worth knowing, the backstop repairs")
                .extracting(Finding::id)
                .containsExactly(Finding.Id.MODULE_UNSAFE);
        host.asks(PROOF, NEVER);
        assertThatThrownBy(() -> host.plan(nothing()))
                .isInstanceOf(AttachException.class)
                .hasMessageContaining("decrypted packets cannot reach tc")
                .hasMessageContaining("IPComp");
        host.asks(PROOF, new AttachOptions(Hook.NONE, Backstop.NEVER, true, false));
        assertThat(host.plan(nothing()).findings()).as("--force").hasSize(1);
        host.harm = Reading.known(Optional.empty());
        assertThat(host.plan(nothing()).steps()).contains(new Step.LoadModule(Preflight.ESP4_OFFLOAD, false));
    }

    /** The module must be removed, even if that ends the repair: the host comes first. */
    @Test
    void aModuleThatHasComeToHarmIsUnloadedFromARunningAttachment() {
        host.harm = Reading.known(Optional.of("IPComp"));
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.LOADED);
        for (AttachOptions options : List.of(DEFAULT, NEVER)) {
            host.asks(PROOF, options);
            AttachPlan plan = host.plan(attached(PROOF, options, HostChange.ESP4_OFFLOAD));
            assertThat(plan.steps()).contains(new Step.UnloadModule(Preflight.ESP4_OFFLOAD));
            assertThat(plan.findings()).extracting(Finding::id).containsExactly(Finding.Id.MODULE_UNSAFE);
        }
    }

    @Test
    void namespacesAreSearchedForHarmOnlyWhereAModuleIsToBeLoadedOrIsOurs() {
        host.harm = Reading.of(() -> fail("nobody needs to know"));
        host.modules.put(Preflight.ESP4_OFFLOAD, KernelModule.State.LOADED);
        assertThat(words(host.plan(nothing()))).contains("Attach");
    }

    @Test
    void withoutProofIPv6IsReportedOrRefused() {
        host.inet6 = new Inet6Addresses(Set.of(2), false);
        assertThat(host.plan(nothing()).findings()).extracting(Finding::id).contains(Finding.Id.IPV6_NOT_COVERED);
        host.asks(DROP, DEFAULT);
        assertThatThrownBy(() -> host.plan(nothing())).hasMessageContaining("--plaintext drop on eth0 failed");
    }

    @Test
    void whatCannotWorkIsRefusedBefore() {
        NftAvailability unusable = NftAvailability.unusable("no libnftables", "install it");
        assertThat(host.check(NftAvailability.USABLE)).isEmpty();
        assertThat(host.check(unusable)).extracting(Finding::id).containsExactly(Finding.Id.BACKSTOP_UNAVAILABLE);
        host.withoutGro.add("eth0");
        assertThat(host.check(NftAvailability.USABLE))
                .as("the backstop repairs")
                .isEmpty();
        assertThatThrownBy(() -> host.check(unusable))
                .hasMessageContaining("GRO is off on eth0")
                .hasMessageContaining(
                        "and no nftables backstop, so what is decrypted after tc, such as fragmented ESP, is not repaired:"
                                + " no libnftables; install it");
        host.asks(PROOF, new AttachOptions(Hook.NONE, Backstop.AUTO, false, true));
        assertThat(host.check(unusable)).as("GRO is going to be on").hasSize(1);
        host.asks(PROOF, new AttachOptions(Hook.NONE, Backstop.ALWAYS, false, false));
        assertThatThrownBy(() -> host.check(unusable))
                .hasMessage("set up the nftables backstop of eth0 failed: no libnftables; install it");
        host.asks(DROP, DEFAULT);
        assertThatThrownBy(() -> host.check(unusable)).hasMessageContaining("--plaintext drop on eth0 failed");
        host.asks(DROP, NEVER);
        assertThatThrownBy(() -> host.check(NftAvailability.NOT_WANTED)).hasMessageContaining("--backstop never");
        host.asks(UNVERIFIED, NEVER);
        assertThat(host.check(NftAvailability.NOT_WANTED)).as("needs no proof").isEmpty();
    }

    @Test
    void aChangeOfRulesLeavesTheHostAlone() {
        host.withoutGro.add("eth0");
        assertThat(words(ofRules(PROOF, PROOF))).containsExactly("SetBackstop", "WriteRules", "TakeBaseline");
        assertThat(words(ofRules(UNVERIFIED, PROOF)))
                .as("the first rule that needs proof")
                .containsExactly("LoadModule", "SetBackstop", "WriteRules", "TakeBaseline");
        assertThat(ofRules(UNVERIFIED, PROOF).steps())
                .as("the rules are wanted all the same")
                .contains(new Step.LoadModule(Preflight.ESP4_OFFLOAD, false));
        host.asks(PROOF, DEFAULT);
        assertThat(host.plan(nothing()).steps()).contains(new Step.LoadModule(Preflight.ESP4_OFFLOAD, true));
    }

    private AttachPlan ofRules(RuleSet before, RuleSet wanted) {
        host.asks(wanted, DEFAULT);
        return AttachPlan.ofRules(
                host.snapshot(), host.netns(), ETH0, host.desired, attached(before, DEFAULT), host.nftables);
    }

    private static List<String> words(AttachPlan plan) {
        return plan.steps().stream()
                .map(step -> step.getClass().getSimpleName())
                .toList();
    }

    private static <T extends Step> T first(Host host, Class<T> kind) {
        return host.plan(nothing()).steps().stream()
                .filter(kind::isInstance)
                .map(kind::cast)
                .findFirst()
                .orElseThrow();
    }

    private static Standing nothing() {
        return Standing.nothing(Set.of());
    }

    private static Standing attached(RuleSet rules, AttachOptions options, HostChange... changes) {
        Set<HostChange> recorded = EnumSet.noneOf(HostChange.class);
        recorded.addAll(List.of(changes));
        return new Standing(Standing.State.ATTACHED, Optional.of(rules), options, recorded);
    }

    private static RuleSet rules(Rule rule) {
        return new RuleSet(4789, false, Optional.empty(), Map.of(new Vni(7), rule));
    }

    private static NetDevice device(int ifindex, String name, int arphrd, String kind) {
        return new NetDevice(ifindex, name, List.of(), arphrd, kind, 0, false, 0, 1500, XdpMode.NONE);
    }
}
