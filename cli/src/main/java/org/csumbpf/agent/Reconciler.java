// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.discover.Discovery;
import org.csumbpf.snapshot.Finding;

/**
 * Decides what the agent does: pure, apart from what it remembers between two decisions. An attachment that a person
 * made is not touched, unless the policy takes it over.
 */
final class Reconciler {
    /** Nanoseconds after a failure, or after a healing, before the same is done again. */
    private static final long FIRST_PAUSE = 1_000_000_000L;
    /** So many times the pause stays as it is; then it doubles each time. */
    private static final int PATIENCE = 10;

    private static final long LONGEST_PAUSE = 300_000_000_000L;
    /** Nanoseconds. What stays well for so long begins with the first pause again. */
    private static final long FORGOTTEN = 600_000_000_000L;

    /**
     * @param times in a row
     * @param last when
     */
    private record Tries(int times, long last) {
        long next() {
            int doubled = Math.max(0, times - PATIENCE);
            return last + (doubled > 9 ? LONGEST_PAUSE : Math.min(FIRST_PAUSE << doubled, LONGEST_PAUSE));
        }
    }

    /**
     * What the configuration says of all attachments.
     *
     * @param keep nanoseconds for which an attachment without a reason is kept
     * @param takesOver whether attachments that a person made become the agent's
     * @param excluded ifindexes of devices on which the agent shall have no attachment
     */
    record Policy(long keep, boolean takesOver, Set<Integer> excluded) {}

    private Policy policy;
    /** When something was decided last, CLOCK_MONOTONIC, nanoseconds. */
    private long decided;
    /** Since when an attachment of the agent's has no reason, by ifindex. */
    private final Map<Integer, Long> unwanted = new HashMap<>();

    /** By kind of action. */
    private final Map<String, Tries> tries = new HashMap<>();
    /** Attachments that were the agent's when their record could last be read, by ifindex. */
    private final Set<Integer> own = new HashSet<>();
    /**
     * Attachments that this agent has asked for, by ifindex. One that an agent before it made is asked for once again,
     * which changes nothing but what another version did: its program, and the layout of its maps.
     */
    private final Set<Integer> asked = new HashSet<>();

    /** @param keep nanoseconds for which an attachment without a reason is kept */
    Reconciler(long keep) {
        this.policy = new Policy(keep, false, Set.of());
    }

    /** Decides by another policy from now on. */
    void follow(Policy other) {
        this.policy = other;
    }

    /**
     * @param wish what to ask for on a device
     * @param now CLOCK_MONOTONIC, nanoseconds
     */
    List<Action> decide(
            Discovery found,
            List<KnownAttachment> attachments,
            Function<Discovery.Uplink, DesiredAttachment> wish,
            long now) {
        decided = now;
        Set<Integer> present = new HashSet<>();
        List<KnownAttachment> here =
                attachments.stream().filter(standing -> !standing.moved()).toList();
        for (KnownAttachment standing : here) {
            present.add(standing.ifindex());
            standing.owner().ifPresent(owner -> {
                if (owner == KnownAttachment.Owner.AGENT) {
                    own.add(standing.ifindex());
                } else {
                    own.remove(standing.ifindex());
                }
            });
        }
        Map<Integer, DesiredAttachment> wanted = new HashMap<>();
        List<Action> actions = new ArrayList<>();
        for (Discovery.Uplink uplink : found.uplinks()) {
            int ifindex = uplink.device().ifindex();
            if (uplink.obstacle().isEmpty()) {
                wanted.put(ifindex, wish.apply(uplink));
                if (!present.contains(ifindex)) {
                    actions.add(
                            own.contains(ifindex)
                                    ? allGone(uplink, wanted.get(ifindex))
                                    : new Action.Attach(ifindex, wanted.get(ifindex), uplink.reasons()));
                }
            }
        }
        own.removeIf(ifindex -> !present.contains(ifindex) && !wanted.containsKey(ifindex));
        asked.retainAll(own);
        attachments.stream()
                .filter(standing ->
                        standing.moved() && standing.owner().equals(Optional.of(KnownAttachment.Owner.AGENT)))
                .forEach(moved -> actions.add(new Action.Follow(moved.ifindex(), moved.ifname())));
        for (KnownAttachment standing : here) {
            boolean takeOver = policy.takesOver() && wanted.containsKey(standing.ifindex());
            if (own.contains(standing.ifindex()) || takeOver) {
                keep(standing, Optional.ofNullable(wanted.get(standing.ifindex())), now)
                        .ifPresent(actions::add);
            }
        }
        unwanted.keySet().removeAll(wanted.keySet());
        unwanted.keySet().retainAll(present);
        tries.values().removeIf(tried -> now - tried.last() > FORGOTTEN);
        actions.removeIf(action -> tries.containsKey(action.kind())
                && now < tries.get(action.kind()).next());
        return actions;
    }

    private static Action allGone(Discovery.Uplink uplink, DesiredAttachment wish) {
        String name = uplink.device().name();
        return new Action.Heal(
                uplink.device().ifindex(),
                name,
                Optional.of(wish),
                List.of(Finding.note(Finding.Id.HOOK_LOST, name, "nothing of the attachment is left")));
    }

    /** What is to be done about an attachment of the agent's. */
    private Optional<Action> keep(KnownAttachment standing, Optional<DesiredAttachment> wish, long now) {
        int ifindex = standing.ifindex();
        if (policy.excluded().contains(ifindex)) {
            return Optional.of(new Action.Detach(ifindex, standing.ifname()));
        }
        if (!standing.lost().isEmpty()) {
            return Optional.of(new Action.Heal(ifindex, standing.ifname(), wish, standing.lost()));
        }
        if (wish.isPresent()) {
            String reason = !own.contains(ifindex)
                    ? "made by hand, and manage-existing is set"
                    : asked.contains(ifindex) ? "what is asked for changed" : "an agent before this one attached";
            return wish.filter(desired -> !standing.isAsked(desired) || !asked.contains(ifindex))
                    .map(desired -> new Action.Attach(ifindex, desired, List.of(reason)));
        }
        return now - unwanted.computeIfAbsent(ifindex, i -> now) < policy.keep()
                ? Optional.empty()
                : Optional.of(new Action.Detach(ifindex, standing.ifname()));
    }

    /** Whether the device has, or had until it was lost, an attachment of the agent's. */
    boolean isOwn(int ifindex) {
        return own.contains(ifindex);
    }

    /** Remembers that the agent made an attachment, even if its record is lost before the next decision. */
    void attached(Action.Attach action) {
        own.add(action.ifindex());
        asked.add(action.ifindex());
    }

    /** Forgets an attachment that the agent ended itself. */
    void detached(Action.Detach action) {
        own.remove(action.ifindex());
    }

    /**
     * Remembers that an action failed, or that it put back what was lost, so that what somebody undoes again and again is
     * not fought for.
     *
     * @return how many times in a row
     */
    int tried(Action action, long now) {
        Tries before = tries.getOrDefault(action.kind(), new Tries(0, now));
        Tries after = new Tries(before.times() + 1, now);
        tries.put(action.kind(), after);
        return after.times();
    }

    /** When something is due without any change on the host; empty: nothing is. What was due is decided already. */
    Optional<Long> due() {
        List<Long> times = new ArrayList<>();
        unwanted.values().forEach(since -> times.add(since + policy.keep()));
        tries.values().forEach(tried -> times.add(tried.next()));
        return times.stream().filter(time -> time > decided).min(Long::compare);
    }
}
