// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/**
 * What the user asked for besides the rules: {@code struct csumbpf_options}.
 *
 * @param hook where to attach the program; NONE: the best that the kernel has
 * @param backstop whether to add nftables rules
 * @param force attach although no path can repair
 * @param enableGro switch the device's GRO feature on
 * @param agent csumbpf agent made the attachment, and may change or detach it; otherwise a person did
 */
public record AttachOptions(Hook hook, Backstop backstop, boolean force, boolean enableGro, boolean agent) {
    /** The user asked for nothing. */
    public static final AttachOptions DEFAULT = new AttachOptions(Hook.NONE, Backstop.AUTO, false, false);

    /** Of an attachment that a person makes. */
    public AttachOptions(Hook hook, Backstop backstop, boolean force, boolean enableGro) {
        this(hook, backstop, force, enableGro, false);
    }

    /** The same, of an attachment that the agent makes. */
    public AttachOptions ofAgent() {
        return new AttachOptions(hook, backstop, force, enableGro, true);
    }

    /** The same, and the device's GRO feature is switched on. */
    public AttachOptions withGro() {
        return new AttachOptions(hook, backstop, force, true, agent);
    }
}
