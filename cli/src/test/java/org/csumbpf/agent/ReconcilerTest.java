// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.discover.Discovery;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.XdpMode;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.snapshot.Finding;
import org.junit.jupiter.api.Test;

/** What the agent decides, for invented hosts. AgentTest has real ones. */
class ReconcilerTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long KEEP = 600 * SECOND;
    private static final Finding LOST = Finding.note(Finding.Id.BACKSTOP_LOST, "eth0", "is lost");

    private final Reconciler reconciler = new Reconciler(KEEP);
    private final List<Discovery.Uplink> uplinks = new ArrayList<>();
    private final List<KnownAttachment> standing = new ArrayList<>();
    private Mode mode = Mode.AUTO;
    private long now = 1000 * SECOND;

    private List<Action> decide() {
        return reconciler.decide(
                new Discovery(uplinks, Map.of(), List.of(), List.of()),
                standing,
                uplink -> wish(uplink.device().name(), mode),
                now);
    }

    @Test
    void nothingToDo() {
        assertThat(decide()).isEmpty();
        assertThat(reconciler.due()).isEmpty();
    }

    @Test
    void attachesOnceWhereItIsNeeded() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        uplinks.add(uplink(3, "vx", Optional.of("cannot be attached to")));
        Action.Attach attach = new Action.Attach(2, wish("eth0", Mode.AUTO), List.of("needs it"));
        assertThat(decide()).containsExactly(attach);
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        reconciler.attached(attach);
        assertThat(decide()).isEmpty();
    }

    /** Of the version before this one, the program and the layout of the maps may be others. */
    @Test
    void asksOnceForWhatTheAgentBeforeItAttached() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        Action.Attach attach =
                new Action.Attach(2, wish("eth0", Mode.AUTO), List.of("an agent before this one attached"));
        assertThat(decide()).containsExactly(attach);
        assertThat(decide()).as("it has failed").containsExactly(attach);
        reconciler.attached(attach);
        assertThat(decide()).isEmpty();
        standing.clear();
        uplinks.clear();
        decide();
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.PERSON, Mode.AUTO));
        assertThat(decide()).as("made by hand by now").isEmpty();
    }

    @Test
    void changesItsOwnAndLeavesOthers() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        uplinks.add(uplink(3, "eth1", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        standing.add(standing(3, "eth1", KnownAttachment.Owner.PERSON, Mode.OBSERVE, LOST));
        mode = Mode.RECOMPUTE;
        assertThat(decide()).extracting(Action::ifname).containsExactly("eth0");
        uplinks.clear();
        now += 2 * KEEP;
        decide();
        now += 2 * KEEP;
        assertThat(decide()).containsExactly(new Action.Detach(2, "eth0"));
    }

    @Test
    void putsBackWhatIsLostAlsoIfTheRecordIsLostTogetherWithIt() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        decide();
        standing.set(
                0, new KnownAttachment(2, "eth0", Optional.empty(), Optional.empty(), false, false, List.of(LOST)));
        assertThat(decide())
                .containsExactly(new Action.Heal(2, "eth0", Optional.of(wish("eth0", Mode.AUTO)), List.of(LOST)));
        Reconciler attached = new Reconciler(KEEP);
        attached.attached(new Action.Attach(2, wish("eth0", Mode.AUTO), List.of("needs it")));
        assertThat(attached.decide(
                        new Discovery(uplinks, Map.of(), List.of(), List.of()),
                        standing,
                        uplink -> wish("eth0", mode),
                        now))
                .as("its record is lost before the agent reads it once")
                .hasSize(1);
        assertThat(new Reconciler(KEEP)
                        .decide(
                                new Discovery(uplinks, Map.of(), List.of(), List.of()),
                                standing,
                                uplink -> wish("eth0", mode),
                                now))
                .as("an agent that starts now does not know whose it is")
                .isEmpty();
    }

    /** A device here may have the number that the moved one has there. */
    @Test
    void followsWhatIsMoved() {
        standing.add(moved(2, "eth7", KnownAttachment.Owner.AGENT));
        standing.add(moved(3, "eth8", KnownAttachment.Owner.PERSON));
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        assertThat(decide())
                .containsExactlyInAnyOrder(
                        new Action.Follow(2, "eth7"),
                        new Action.Attach(2, wish("eth0", Mode.AUTO), List.of("needs it")));
        reconciler.tried(new Action.Follow(2, "eth7"), now);
        assertThat(decide()).as("one waits, the other does not").hasSize(1);
    }

    @Test
    void keepsWhatHasNoReasonForAWhile() {
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        assertThat(decide()).isEmpty();
        assertThat(reconciler.due()).contains(now + KEEP);
        now += KEEP - 1;
        assertThat(decide()).isEmpty();
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        reconciler.attached((Action.Attach) decide().get(0));
        assertThat(decide()).isEmpty();
        assertThat(reconciler.due()).as("has a reason again").isEmpty();
        uplinks.clear();
        decide();
        now += KEEP;
        assertThat(decide()).containsExactly(new Action.Detach(2, "eth0"));
    }

    @Test
    void detachesAtOnceFromWhatThePolicyExcludes() {
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO, LOST));
        standing.add(standing(3, "eth1", KnownAttachment.Owner.PERSON, Mode.AUTO));
        reconciler.follow(new Reconciler.Policy(KEEP, true, Set.of(2, 3)));
        assertThat(decide()).containsExactly(new Action.Detach(2, "eth0"));
    }

    @Test
    void takesOverWhatAPersonMadeOnlyIfThePolicySaysSo() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.PERSON, Mode.AUTO));
        standing.add(standing(3, "eth1", KnownAttachment.Owner.PERSON, Mode.AUTO, LOST));
        assertThat(decide()).isEmpty();
        reconciler.follow(new Reconciler.Policy(KEEP, true, Set.of()));
        DesiredAttachment byHand =
                new DesiredAttachment("eth0", wish("eth0", Mode.AUTO).rules(), AttachOptions.DEFAULT);
        standing.set(
                0,
                new KnownAttachment(
                        2,
                        "eth0",
                        Optional.of(KnownAttachment.Owner.PERSON),
                        Optional.of(byHand),
                        false,
                        false,
                        List.of()));
        assertThat(decide())
                .as("nothing needs repair on eth1, so it stays a person's")
                .containsExactly(new Action.Attach(
                        2, wish("eth0", Mode.AUTO), List.of("made by hand, and manage-existing is set")));
    }

    @Test
    void anotherPolicyCountsAtOnce() {
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        decide();
        now += 5 * SECOND;
        assertThat(decide()).isEmpty();
        reconciler.follow(new Reconciler.Policy(3 * SECOND, false, Set.of()));
        assertThat(decide()).containsExactly(new Action.Detach(2, "eth0"));
    }

    @Test
    void pausesGrowAndAreForgotten() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        Action attach = decide().get(0);
        long pause = SECOND;
        for (int i = 1; i <= 22; i++) {
            assertThat(reconciler.tried(attach, now)).isEqualTo(i);
            now += pause - 1;
            assertThat(decide()).as("in pause " + i).isEmpty();
            now += 1;
            assertThat(decide()).as("after pause " + i).hasSize(1);
            if (i >= 10) {
                pause = Math.min(2 * pause, 300 * SECOND);
            }
        }
        now += 700 * SECOND;
        decide();
        assertThat(reconciler.tried(attach, now)).as("forgotten").isEqualTo(1);
    }

    /** Otherwise the agent would go round and round for ten minutes after each loss. */
    @Test
    void nothingIsDueOnceAllIsWell() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO, LOST));
        reconciler.tried(decide().get(0), now);
        assertThat(reconciler.due()).as("it may be lost again").contains(now + SECOND);
        standing.set(0, standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        now += 2 * SECOND;
        reconciler.attached((Action.Attach) decide().get(0));
        assertThat(decide()).isEmpty();
        assertThat(reconciler.due()).isEmpty();
    }

    /** Somebody detached it, or a failed attempt to put something back undid everything. */
    @Test
    void whatIsGoneAltogetherIsPutBack() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO));
        decide();
        standing.clear();
        for (int i = 0; i < 2; i++) {
            assertThat(decide())
                    .singleElement()
                    .isInstanceOfSatisfying(
                            Action.Heal.class,
                            heal -> assertThat(heal.lost())
                                    .extracting(Finding::id)
                                    .containsExactly(Finding.Id.HOOK_LOST));
        }
        reconciler.detached(new Action.Detach(2, "eth0"));
        assertThat(decide()).singleElement().isInstanceOf(Action.Attach.class);
    }

    @Test
    void oneLossDoesNotDelayTheHealingOfAnother() {
        uplinks.add(uplink(2, "eth0", Optional.empty()));
        standing.add(standing(2, "eth0", KnownAttachment.Owner.AGENT, Mode.AUTO, LOST));
        Action heal = decide().get(0);
        for (int i = 0; i < 20; i++) {
            reconciler.tried(heal, now);
        }
        assertThat(decide()).isEmpty();
        standing.set(
                0,
                standing(
                        2,
                        "eth0",
                        KnownAttachment.Owner.AGENT,
                        Mode.AUTO,
                        Finding.note(Finding.Id.PIN_MISSING, "eth0", "is lost")));
        assertThat(decide()).hasSize(1);
    }

    private static Discovery.Uplink uplink(int ifindex, String name, Optional<String> obstacle) {
        return new Discovery.Uplink(
                new NetDevice(ifindex, name, List.of(), 1, "", 0, false, 0, 1500, XdpMode.NONE),
                List.of("needs it"),
                obstacle);
    }

    private static KnownAttachment standing(
            int ifindex, String name, KnownAttachment.Owner owner, Mode mode, Finding... lost) {
        return new KnownAttachment(
                ifindex, name, Optional.of(owner), Optional.of(wish(name, mode)), false, false, List.of(lost));
    }

    private static KnownAttachment moved(int ifindex, String name, KnownAttachment.Owner owner) {
        return new KnownAttachment(
                ifindex, name, Optional.of(owner), Optional.of(wish(name, Mode.AUTO)), true, false, List.of());
    }

    private static DesiredAttachment wish(String name, Mode mode) {
        return new DesiredAttachment(
                name,
                new RuleSet(4789, false, Optional.of(new Rule(mode, false, false)), Map.of()),
                AttachOptions.DEFAULT.ofAgent());
    }
}
