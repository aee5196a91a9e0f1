// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import java.util.Optional;
import org.csumbpf.backstop.NftPlans;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Hook;

/**
 * One thing that is done to the host for an attachment. Where a step fails, those before it are undone, each as it says here. What changes the
 * host is written into the attachment's record before it is done, so that a detach undoes it also after a kill.
 */
public sealed interface Step {
    /** Makes maps, record and pins of a new attachment, which nothing runs yet. Undone with all else by taking the attachment away. */
    record Make(RuleSet rules) implements Step {}

    /** Switches the device's GRO feature on. Undone by switching it off. */
    record SwitchGroOn() implements Step {}

    /**
     * Loads a module. Undone by unloading it.
     *
     * @param required where it cannot be loaded, and no backstop makes up for it, the step fails
     */
    record LoadModule(String module, boolean required) implements Step {}

    /** Unloads a module that attach has loaded and that has come to do harm. Not undone. */
    record UnloadModule(String module) implements Step {}

    /** Crosses out a module that the record names and that is not there: a kill came between the two. */
    record ForgetModule(String module) implements Step {}

    /**
     * Hangs the program on the device: from here on packets are repaired.
     *
     * @param hook where; empty: on the best that the kernel has
     */
    record Hang(Optional<Hook> hook) implements Step {}

    /** Hangs the program that lies there without a hook. Not undone: it is what was asked for, and repairs. */
    record HangAgain(Optional<Hook> hook) implements Step {}

    /** Writes into the record what is asked for. Undone by writing what it had. */
    record RecordOptions(AttachOptions from, AttachOptions to) implements Step {}

    /** Brings nftables, and the program on lo, into the state that the rules ask for. Undone by doing so for the rules before. */
    record SetBackstop(NftPlans plans, RuleSet rules) implements Step {}

    /** Takes away what nftables and lo have of the attachment. Undone by setting it up for the rules before. */
    record RemoveBackstop() implements Step {}

    /** Brings rules, and where it is another the program, to what is asked for. Undone by going back. */
    record WriteRules(RuleSet to) implements Step {}

    /** Keeps what the host has counted by now, for what it counts later to be compared with. */
    record TakeBaseline() implements Step {}
}
