// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Hook;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.Finding;

/**
 * An attachment, as far as the agent's decisions depend on it.
 *
 * @param ifindex of the device
 * @param ifname of the device
 * @param owner who made it; empty: its record cannot be read
 * @param asked what it was asked for; empty: that cannot be read
 * @param moved whether the device is in another network namespace by now; ifindex and ifname are those that it has there
 * @param crowded whether another program runs before csumbpf on its hook
 * @param lost what it has lost and restore puts back
 */
record KnownAttachment(
        int ifindex,
        String ifname,
        Optional<Owner> owner,
        Optional<DesiredAttachment> asked,
        boolean moved,
        boolean crowded,
        List<Finding> lost) {
    enum Owner {
        AGENT,
        PERSON
    }

    /** What restore puts back. */
    static final Set<Finding.Id> RESTORED = EnumSet.of(
            Finding.Id.HALF_MADE,
            Finding.Id.HOOK_LOST,
            Finding.Id.PIN_MISSING,
            Finding.Id.BACKSTOP_LOST,
            Finding.Id.MODULE_NOT_LOADED,
            Finding.Id.PROGRAM_BEFORE);

    static KnownAttachment of(AttachmentView view) {
        Optional<AttachOptions> options = view.record().map(AttachmentRecord::options);
        Optional<RuleSet> rules = view.contents().map(AttachmentView.Contents::rules);
        return new KnownAttachment(
                view.location().ifindex(),
                view.ifname(),
                options.map(o -> o.agent() ? Owner.AGENT : Owner.PERSON),
                options.flatMap(o -> rules.map(r -> new DesiredAttachment(view.ifname(), r, o))),
                view.state() == AttachmentView.State.MOVED,
                !view.before().isEmpty(),
                view.findings().stream()
                        .filter(finding -> RESTORED.contains(finding.id()))
                        // The order of filters is that of their priorities, and theirs is lower on purpose.
                        .filter(finding -> finding.id() != Finding.Id.PROGRAM_BEFORE
                                || view.attached()
                                        .filter(program -> program.hook().equals(Hook.TCX.label()))
                                        .isPresent())
                        .toList());
    }

    /** Whether it was asked for just this. Whether its rules have a backstop was decided by attach and not asked for. */
    boolean isAsked(DesiredAttachment wish) {
        return asked.filter(was -> was.options().equals(wish.options())
                        && was.rules().port() == wish.rules().port()
                        && was.rules().any().equals(wish.rules().any())
                        && was.rules().byVni().equals(wish.rules().byVni()))
                .isPresent();
    }
}
