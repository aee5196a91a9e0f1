// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.Optional;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Hook;

/**
 * One step of an attach or of a change. If a step fails, those before it are undone as described below. A change of the
 * host is written into the attachment's record before it is made, so that detach can undo it after a kill.
 */
public sealed interface Step {
    /** Makes maps, record and pins of a new attachment; nothing runs yet. Undone by removing the whole attachment. */
    record Make(RuleSet rules) implements Step {}

    /** Switches the device's GRO feature on. Undone by switching it off. */
    record SwitchGroOn() implements Step {}

    /**
     * Loads a module. Undone by unloading it.
     *
     * @param required fail if the module cannot be loaded and no backstop replaces it
     */
    record LoadModule(String module, boolean required) implements Step {}

    /** Unloads a module that attach loaded and that has become harmful. Not undone. */
    record UnloadModule(String module) implements Step {}

    /** Clears the recorded load of a module that is not there, as after a kill between record and load. */
    record ForgetModule(String module) implements Step {}

    /**
     * Attaches the program to the device: from here on packets are repaired.
     *
     * @param hook the kind of hook; empty: the best that the kernel has
     */
    record Attach(Optional<Hook> hook) implements Step {}

    /** Attaches a pinned program that lost its hook. Not undone: it is what was asked for, and it repairs. */
    record Reattach(Optional<Hook> hook) implements Step {}

    /** Writes the options asked for into the record. Undone by writing the old ones. */
    record RecordOptions(AttachOptions from, AttachOptions to) implements Step {}

    /** Sets up nftables, and the program on lo, as the rules need. Undone by setting them up for the old rules. */
    record SetBackstop(NftPlans plans, RuleSet rules) implements Step {}

    /**
     * Removes the attachment's rules from nftables and its program from lo. Undone by setting them up for the old
     * rules.
     */
    record RemoveBackstop() implements Step {}

    /** Writes the rules, and replaces the program if it is another one. Undone by writing the old rules. */
    record WriteRules(RuleSet to) implements Step {}

    /** Records the host's drop counters now, as the baseline that later counts are compared with. */
    record TakeBaseline() implements Step {}
}
